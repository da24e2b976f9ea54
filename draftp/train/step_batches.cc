#include "draftp/train/step_batches.h"

#include <ATen/core/grad_mode.h>

#include <numeric>
#include <utility>

namespace draftp {

std::vector<int64_t> SamplesFrom(int64_t first, int64_t count) {
  std::vector<int64_t> samples(count);
  std::iota(samples.begin(), samples.end(), first);
  return samples;
}

std::vector<std::string> CaptionsOf(const std::vector<int64_t>& samples,
                                    const std::vector<std::string>& captions,
                                    const CaptionOrder& order) {
  std::vector<std::string> of_samples;
  for (const int64_t sample : samples) of_samples.push_back(captions[order(sample)]);
  return of_samples;
}

absl::StatusOr<MicroBatchResult> RunMicroBatches(const TrainConfig& config, const StepPlace& place,
                                                 const std::vector<std::string>& captions,
                                                 const CaptionOrder& order, SdxlTrainStep& step,
                                                 GradientSinkRef sink) {
  const double share = 1.0 / static_cast<double>(config.micro_batches());
  MicroBatchResult mean;
  for (int64_t m = 0; m < config.micro_batches(); ++m) {
    const std::vector<int64_t> samples =
        SamplesFrom(place.first_sample + m * config.micro_batch_size, config.micro_batch_size);
    auto result = step.Run(place.step, samples, CaptionsOf(samples, captions, order),
                           place.kl_coefficient, share, sink);
    if (!result.ok()) return result.status();
    const at::NoGradGuard no_grad;
    mean.Add(*result, share);
  }
  return mean;
}

}  // namespace draftp
