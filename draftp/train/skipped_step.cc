#include "draftp/train/skipped_step.h"

#include <ATen/ops/scalar_tensor.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "draftp/checkpoint/safetensors.h"

namespace draftp {

absl::Status WriteSkippedStep(const std::string& path, const SkippedStep& skipped, StepShare share,
                              const std::vector<std::string>& captions, const CaptionOrder& order) {
  std::vector<int64_t> samples;
  for (share.rank = 0; share.rank < share.ranks; ++share.rank) {
    for (int64_t m = 0; m < share.micro_batches; ++m) {
      const auto more = SamplesOf(share, skipped.place.first_sample, m);
      samples.insert(samples.end(), more.begin(), more.end());
    }
  }
  return WriteSafetensors(
      path,
      {{"loss", at::scalar_tensor(skipped.loss, at::kDouble)},
       {"kl", at::scalar_tensor(skipped.kl, at::kDouble)},
       {"rewards", skipped.rewards}},
      {{"step", absl::StrCat(skipped.place.step + 1)},
       {"seed", absl::StrCat(skipped.seed)},
       {"samples", absl::StrJoin(samples, ",")},
       {"captions", absl::StrJoin(CaptionsOf(samples, captions, order), "\n")}});
}

}  // namespace draftp
