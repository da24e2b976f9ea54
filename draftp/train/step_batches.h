// The micro batches of one optimiser step: which samples and captions they have, and their way into
// the optimiser.
#ifndef DRAFTP_TRAIN_STEP_BATCHES_H_
#define DRAFTP_TRAIN_STEP_BATCHES_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "draftp/objective/gradient_sink.h"
#include "draftp/train/caption_order.h"
#include "draftp/train/sdxl_step.h"
#include "draftp/train/train_config.h"

namespace draftp {

// Where a step stands in its run.
struct StepPlace {
  int64_t step = 0;          // optimiser steps behind it
  int64_t first_sample = 0;  // global index
  double kl_coefficient = 0;
};

// `count` global indices from `first` on.
std::vector<int64_t> SamplesFrom(int64_t first, int64_t count);

std::vector<std::string> CaptionsOf(const std::vector<int64_t>& samples,
                                    const std::vector<std::string>& captions,
                                    const CaptionOrder& order);

// Forward and backward of the step's micro batches, whose gradients go to the sink. The mean over
// them.
absl::StatusOr<MicroBatchResult> RunMicroBatches(const TrainConfig& config, const StepPlace& place,
                                                 const std::vector<std::string>& captions,
                                                 const CaptionOrder& order, SdxlTrainStep& step,
                                                 GradientSinkRef sink);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_STEP_BATCHES_H_
