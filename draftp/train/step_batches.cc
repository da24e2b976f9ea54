#include "draftp/train/step_batches.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <utility>

namespace draftp {
namespace {

at::Tensor RowOf(const MicroBatchResult& result) {
  std::vector<at::Tensor> row = {result.loss, result.reward, result.kl, result.clamped};
  row.insert(row.end(), result.member_rewards.begin(), result.member_rewards.end());
  row.insert(row.end(), result.member_gradients.begin(), result.member_gradients.end());
  for (at::Tensor& value : row) value = value.to(result.loss.device(), at::kDouble);
  return at::stack(row);
}

}  // namespace

StepShare ShareOf(const TrainConfig& config, int rank, int ranks, bool ordered) {
  const int64_t size = ordered ? 1 : config.micro_batch_size;
  return {.rank = rank,
          .ranks = ranks,
          .micro_batch_size = size,
          .micro_batches = config.global_batch_size / ranks / size};
}

absl::Status CheckShare(const TrainConfig& config, int ranks) {
  const int64_t together = config.micro_batch_size * ranks;
  if (config.global_batch_size % together == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--global_batch_size: found ", config.global_batch_size,
      ", expected a multiple "
      "of ",
      together, ", --micro_batch_size ", config.micro_batch_size, " on ", ranks, " ranks"));
}

std::vector<int64_t> SamplesOf(const StepShare& share, int64_t first_sample, int64_t m) {
  std::vector<int64_t> samples;
  for (int64_t i = 0; i < share.micro_batch_size; ++i)
    samples.push_back(first_sample + (m * share.micro_batch_size + i) * share.ranks + share.rank);
  return samples;
}

std::vector<std::string> CaptionsOf(const std::vector<int64_t>& samples,
                                    const std::vector<std::string>& captions,
                                    const CaptionOrder& order) {
  std::vector<std::string> of_samples;
  for (const int64_t sample : samples) of_samples.push_back(captions[order(sample)]);
  return of_samples;
}

absl::StatusOr<StepRows> RunMicroBatches(const StepShare& share, const StepPlace& place,
                                         const std::vector<std::string>& captions,
                                         const CaptionOrder& order, SdxlTrainStep& step,
                                         GradientSinkRef sink) {
  const double part = 1.0 / static_cast<double>(share.micro_batches * share.ranks);
  std::vector<at::Tensor> rows, rewards;
  for (int64_t m = 0; m < share.micro_batches; ++m) {
    const std::vector<int64_t> samples = SamplesOf(share, place.first_sample, m);
    const auto result = step.Run(place.step, samples, CaptionsOf(samples, captions, order),
                                 place.kl_coefficient, part, sink);
    if (!result.ok()) return result.status();
    const at::NoGradGuard no_grad;
    rows.push_back(RowOf(*result));
    rewards.push_back(result->rewards);
  }
  const at::NoGradGuard no_grad;
  return StepRows{.rows = at::stack(rows), .rewards = at::cat(rewards)};
}

}  // namespace draftp
