// A training step of SDXL: micro batches from captions to the gradients of what is trained.
#ifndef DRAFTP_TRAIN_SDXL_STEP_H_
#define DRAFTP_TRAIN_SDXL_STEP_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "draftp/objective/gradient_sink.h"
#include "draftp/reward/composite_reward.h"
#include "draftp/sdxl/conditioner.h"
#include "draftp/train/micro_batch.h"
#include "draftp/train/training_model.h"

namespace draftp {

// Runs micro batches. On a CPU the images of one are shared out among threads, each of which takes
// its images through rollout, decode, reward and backward by itself, where the pieces' weights
// stay. `model` and `reward` must outlive it.
class SdxlTrainStep {
 public:
  SdxlTrainStep(const TrainingModel& model, const CompositeReward& reward, SdxlStepOptions options);

  // Forward and backward of `samples` (global indices over the run, one caption each) in training
  // step `step`; the sink gets `share` times the gradients of the micro batch's loss, in the order
  // of the model's parameters.
  // Image g starts from randn of a generator seeded seed + g, whatever the batch. An error names a
  // caption that can't be encoded.
  absl::StatusOr<MicroBatchResult> Run(int64_t step, std::span<const int64_t> samples,
                                       std::span<const std::string> captions, double kl_coefficient,
                                       double share, GradientSinkRef sink);

  // Seconds by phase since the last call: encode, rollout, gradient_steps, decode, reward,
  // backward.
  std::map<std::string, double> TakeSeconds();

 private:
  SdxlStepOptions options_;
  Conditioner conditioner_;
  std::vector<std::unique_ptr<MicroBatchWorker>> workers_;
  double encode_seconds_ = 0;
};

}  // namespace draftp

#endif  // DRAFTP_TRAIN_SDXL_STEP_H_
