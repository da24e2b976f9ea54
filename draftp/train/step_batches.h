// The micro batches of one optimiser step: which samples and captions they have, and their way into
// the optimiser.
#ifndef DRAFTP_TRAIN_STEP_BATCHES_H_
#define DRAFTP_TRAIN_STEP_BATCHES_H_

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "draftp/objective/gradient_sink.h"
#include "draftp/train/caption_order.h"
#include "draftp/train/sdxl_step.h"
#include "draftp/train/train_config.h"

namespace draftp {

// A rank's part of every step: its row i is row i * ranks + rank of the global batch.
struct StepShare {
  int rank = 0, ranks = 1;
  int64_t micro_batch_size = 1;
  int64_t micro_batches = 1;  // of this rank, a step
};

// `ordered`: a sample at a time, in the global order whatever --micro_batch_size says.
StepShare ShareOf(const TrainConfig& config, int rank, int ranks, bool ordered);

// InvalidArgument where the global batch doesn't divide into the ranks' micro batches.
absl::Status CheckShare(const TrainConfig& config, int ranks);

// Where a step stands in its run.
struct StepPlace {
  int64_t step = 0;          // optimiser steps behind it
  int64_t first_sample = 0;  // global index
  double kl_coefficient = 0;
};

// Global indices of the samples of a rank's micro batch m.
std::vector<int64_t> SamplesOf(const StepShare& share, int64_t first_sample, int64_t m);

std::vector<std::string> CaptionsOf(const std::vector<int64_t>& samples,
                                    const std::vector<std::string>& captions,
                                    const CaptionOrder& order);

// What a rank's micro batches gave, on the device.
struct StepRows {
  // [micro batches, 4 + 2 members] float64: loss, reward, KL, share of clamped pixels, each
  // member's mean score, the 2-norm of its gradient.
  at::Tensor rows;
  at::Tensor rewards;  // [copies * images]
};

// Forward and backward of the rank's micro batches, whose gradients go to the sink: their sum over
// all ranks is the mean over the global batch.
absl::StatusOr<StepRows> RunMicroBatches(const StepShare& share, const StepPlace& place,
                                         const std::vector<std::string>& captions,
                                         const CaptionOrder& order, SdxlTrainStep& step,
                                         GradientSinkRef sink);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_STEP_BATCHES_H_
