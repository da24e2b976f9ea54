// A training run from its first step to its results.
#ifndef DRAFTP_TRAIN_TRAINING_RUN_H_
#define DRAFTP_TRAIN_TRAINING_RUN_H_

#include <absl/status/status.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "draftp/shard/any_sharding_policy.h"
#include "draftp/shard/world.h"
#include "draftp/train/caption_order.h"
#include "draftp/train/sdxl_step.h"
#include "draftp/train/step_batches.h"
#include "draftp/train/stop_request.h"
#include "draftp/train/train_config.h"
#include "draftp/train/train_folder.h"
#include "draftp/train/trainer_state.h"
#include "draftp/train/training_output.h"
#include "draftp/train/training_report.h"
#include "draftp/train/training_setup.h"
#include "draftp/train/validation.h"

namespace draftp {

// All ranks call the same, and decide alike: what to save, to skip, to stop for. Rank 0 writes, and
// no rank goes on before it has. All that it is constructed with must outlive it.
class TrainingRun {
 public:
  TrainingRun(const TrainConfig& config, TrainingSetup& setup, StopRequest& stop, World& world);

  // Goes on from a checkpoint. `notices` gets lines for the user.
  absl::Status Resume(const ResumePoint& point, std::vector<std::string>& notices);

  // Steps, validations and checkpoints until the end, an alarm or a request to stop; the results in
  // the folder are renewed at every validation and in the end. `output`: null on ranks but 0.
  absl::Status Loop(TrainingOutput* output);

  // After an error that ended Loop: report and record tell of it, as far as they can be written.
  void Fail(const absl::Status& error);

  // Where it stands, as the report and the last line tell.
  RunStatus Status() const;

 private:
  // What rank 0 does for all; they wait for it.
  absl::Status OnFirst(const std::string& what, const std::function<absl::Status()>& work);
  StepPlace Place() const;
  absl::Status Step();
  absl::Status CheckFirstGradients(const StepRecord& record) const;
  absl::Status Skip(const std::vector<double>& means, const at::Tensor& rewards);
  // Means of the columns of all ranks' StepRows::rows, in the global order.
  std::vector<double> Means(const StepRows& rows, const at::Tensor& norm, double& norm_value);
  StepRecord Record(const std::vector<double>& means) const;
  // `saves`: a checkpoint is due at this step anyway.
  absl::Status Validate(bool saves);
  absl::Status KeepAdapter();
  absl::Status Save();
  absl::Status PublishWeights(bool end);
  absl::Status Publish(bool end);
  // Results and record of a run that ends here; `why`: empty at the last step.
  absl::Status End(const std::string& why);
  std::string StopReason();
  void CountTotalSeconds();

  const TrainConfig& config_;
  TrainingSetup& setup_;
  StopRequest& stop_;
  World& world_;
  TrainingOutput* output_ = nullptr;  // of rank 0, in Loop
  CaptionOrder order_;
  AnyShardingPolicy policy_;
  SdxlTrainStep step_;
  StepShare share_;
  Validation validation_;
  TrainerState state_;
  double begin_, earlier_seconds_ = 0;  // of this process; of those before it
  int64_t first_step_ = 0;              // of this process
  int64_t saved_step_ = -1;             // of the newest checkpoint
  std::string ended_;                   // why, before the last step
  std::vector<std::string> warnings_;
};

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAINING_RUN_H_
