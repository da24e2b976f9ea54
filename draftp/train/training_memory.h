// How much memory a rank of a training run will hold at its worst moment, before it takes a step.
#ifndef DRAFTP_TRAIN_TRAINING_MEMORY_H_
#define DRAFTP_TRAIN_TRAINING_MEMORY_H_

#include <cstdint>
#include <string>

#include "draftp/run/plan_text.h"
#include "draftp/train/train_config.h"
#include "draftp/train/training_setup.h"

namespace draftp {

struct TrainingMemory {
  PlanRows rows;         // by kind
  int64_t together = 0;  // bytes at the worst moment, at most the sum of the rows
};

// What is loaded is measured, the rest computed from shapes: optimiser state, gradients, what the
// backward pass of a micro batch needs, a validation's pictures. `setup` must be as Make leaves it.
// With the network on a GPU the rows are the device's, with activations as a CPU's operators would
// keep them: the kernels there keep fewer.
// Of each of `ranks` processes, which --sharding tells what they share out.
TrainingMemory EstimateTrainingMemory(const TrainConfig& config, const TrainingSetup& setup,
                                      int ranks);

// What of --help takes less of a GPU than `config` does, in a line, what costs least first: for a
// run that ran out of memory. `ranks`: of the run.
std::string WhatTrainsInLess(const TrainConfig& config, int ranks);

// Network calls with gradient whose activations live at once, at most, and decoded images of each
// sample.
int64_t GradientCalls(const TrainConfig& config);
int64_t Decodes(const TrainConfig& config);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAINING_MEMORY_H_
