// The record of a step that was skipped, for its loss, reward or gradient wasn't finite.
#ifndef DRAFTP_TRAIN_SKIPPED_STEP_H_
#define DRAFTP_TRAIN_SKIPPED_STEP_H_

#include <ATen/core/Tensor.h>
#include <absl/status/status.h>

#include <cstdint>
#include <string>
#include <vector>

#include "draftp/train/caption_order.h"
#include "draftp/train/step_batches.h"

namespace draftp {

struct SkippedStep {
  StepPlace place;
  uint64_t seed = 0;
  double loss = 0, kl = 0;
  at::Tensor rewards;  // of all ranks, rank by rank
};

// Writes `path` whole or not at all: loss, KL and rewards, with step, seed, samples and captions,
// rank by rank as the rewards. `share`: of any rank.
absl::Status WriteSkippedStep(const std::string& path, const SkippedStep& skipped, StepShare share,
                              const std::vector<std::string>& captions, const CaptionOrder& order);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_SKIPPED_STEP_H_
