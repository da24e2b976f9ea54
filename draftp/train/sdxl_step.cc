#include "draftp/train/sdxl_step.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "draftp/kernels/cpu/thread_pool.h"
#include "draftp/run/progress.h"
#include "draftp/sampling/per_image_noise.h"

namespace draftp {

SdxlTrainStep::SdxlTrainStep(const TrainingModel& model, const CompositeReward& reward,
                             SdxlStepOptions options)
    : options_(std::move(options)),
      conditioner_(
          model.sdxl(),
          {.size = options_.draw.size, .warn = options_.warn, .pieces = options_.text_pieces}) {
  const bool threads =
      model.sdxl().unet.placement().device.is_cpu() && options_.unet_pieces.weights_stay();
  const int workers = threads ? cpu::Threads() : 1;
  for (int i = 0; i < workers; ++i)
    workers_.push_back(std::make_unique<MicroBatchWorker>(model, reward, options_));
}

absl::StatusOr<MicroBatchResult> SdxlTrainStep::Run(int64_t step, std::span<const int64_t> samples,
                                                    std::span<const std::string> captions,
                                                    double kl_coefficient, double share,
                                                    GradientSinkRef sink) {
  TORCH_CHECK(samples.size() == captions.size() && !samples.empty(), samples.size(),
              " samples with ", captions.size(), " captions");
  const double begin = Progress::WallSeconds();
  const auto conditions = conditioner_({captions.begin(), captions.end()});
  if (!conditions.ok()) return conditions.status();
  encode_seconds_ += Progress::WallSeconds() - begin;

  const auto batch = static_cast<int64_t>(samples.size());
  const auto workers = std::min(batch, static_cast<int64_t>(workers_.size()));
  const int64_t part = (batch + workers - 1) / workers;
  std::vector<MicroBatchResult> results((batch + part - 1) / part);
  std::vector<GradientSum> gradients(results.size());
  cpu::ParallelFor(static_cast<int64_t>(results.size()), 1, [&](int64_t first, int64_t last) {
    const at::AutoGradMode with_gradients(true);
    for (int64_t i = first; i < last; ++i) {
      const int64_t at = i * part, count = std::min(part, batch - at);
      PerImageNoise noise(options_.seed, samples.subspan(at, count));
      StepRandom random(options_.seed, step, "objective");
      results[i] = workers_[i]->Run(options_.objective, noise, random, captions.subspan(at, count),
                                    conditions->Rows(at, count), kl_coefficient,
                                    share * static_cast<double>(count) / static_cast<double>(batch),
                                    gradients[i]);
    }
  });
  const at::NoGradGuard no_grad;
  MicroBatchResult mean;  // in the order of the images, so that it is the same in every run
  GradientSum sum;
  for (size_t i = 0; i < results.size(); ++i) {
    const int64_t count = std::min(part, batch - static_cast<int64_t>(i) * part);
    mean.Add(results[i], static_cast<double>(count) / static_cast<double>(batch));
    sum.Add(0, gradients[i].Take());
  }
  sink.Add(0, sum.Take());
  sink.Finish();
  return mean;
}

std::map<std::string, double> SdxlTrainStep::TakeSeconds() {
  // Workers run side by side; the first has a share of every micro batch.
  std::map<std::string, double> seconds = workers_.front()->TakeSeconds();
  seconds["encode"] += std::exchange(encode_seconds_, 0.0);
  for (size_t i = 1; i < workers_.size(); ++i) workers_[i]->TakeSeconds();
  return seconds;
}

}  // namespace draftp
