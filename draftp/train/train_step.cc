#include "draftp/train/train_step.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "draftp/kernels/cpu/thread_pool.h"
#include "draftp/run/progress.h"
#include "draftp/sampling/per_image_noise.h"

namespace draftp {
namespace {

Conditioning Rows(const Conditioning& all, int64_t begin, int64_t count) {
  return {all.context.narrow(0, begin, count), all.pooled.narrow(0, begin, count),
          all.time_ids.narrow(0, begin, count)};
}

}  // namespace

TrainStep::TrainStep(const TrainingModel& model, const CompositeReward& reward,
                     TrainStepOptions options)
    : model_(model), reward_(reward), options_(std::move(options)) {
  if (!options_.warn) options_.warn = [](const std::string&) {};
  const SdxlModel& sdxl = model.sdxl();
  if (!sdxl.config.force_zeros_for_empty_prompt)
    negative_ids_ = Tokenize(sdxl, {std::string()}, options_.warn);
  const int workers = sdxl.unet.placement().device.is_cpu() ? cpu::Threads() : 1;
  for (int i = 0; i < workers; ++i)
    workers_.push_back(std::make_unique<MicroBatchWorker>(model_, reward_, options_));
}

absl::StatusOr<MicroBatchResult> TrainStep::Run(int64_t step, std::span<const int64_t> samples,
                                                std::span<const std::string> captions,
                                                double kl_coefficient, double share) {
  TORCH_CHECK(samples.size() == captions.size() && !samples.empty(), samples.size(),
              " samples with ", captions.size(), " captions");
  const double begin = Progress::WallSeconds();
  const SdxlModel& sdxl = model_.sdxl();
  const auto conditional = EncodePrompts(
      sdxl.text_encoders, Tokenize(sdxl, {captions.begin(), captions.end()}, options_.warn),
      options_.size, options_.size);
  if (!conditional.ok()) return conditional.status();
  const auto unconditional = EncodeUnconditional(sdxl.text_encoders, negative_ids_, *conditional);
  if (!unconditional.ok()) return unconditional.status();
  encode_seconds_ += Progress::WallSeconds() - begin;

  const auto batch = static_cast<int64_t>(samples.size());
  const auto workers = std::min(batch, static_cast<int64_t>(workers_.size()));
  const int64_t part = (batch + workers - 1) / workers;
  std::vector<MicroBatchResult> results((batch + part - 1) / part);
  cpu::ParallelFor(static_cast<int64_t>(results.size()), 1, [&](int64_t first, int64_t last) {
    const at::AutoGradMode with_gradients(true);
    for (int64_t i = first; i < last; ++i) {
      const int64_t at = i * part, count = std::min(part, batch - at);
      PerImageNoise noise(options_.seed, samples.subspan(at, count));
      StepRandom random(options_.seed, step, "objective");
      results[i] = workers_[i]->Run(
          options_.objective, noise, random, captions.subspan(at, count),
          {Rows(*unconditional, at, count), Rows(*conditional, at, count)}, kl_coefficient,
          share * static_cast<double>(count) / static_cast<double>(batch));
    }
  });
  const at::NoGradGuard no_grad;
  MicroBatchResult sum;  // in the order of the images, so that it is the same in every run
  for (size_t i = 0; i < results.size(); ++i) {
    const int64_t count = std::min(part, batch - static_cast<int64_t>(i) * part);
    sum.Add(results[i], static_cast<double>(count) / static_cast<double>(batch));
  }
  return sum;
}

std::map<std::string, double> TrainStep::TakeSeconds() {
  // Workers run side by side; the first has a share of every micro batch.
  std::map<std::string, double> seconds = workers_.front()->TakeSeconds();
  seconds["encode"] += std::exchange(encode_seconds_, 0.0);
  for (size_t i = 1; i < workers_.size(); ++i) workers_[i]->TakeSeconds();
  return seconds;
}

}  // namespace draftp
