// A training run from its first step to its results.
#ifndef DRAFTP_TRAIN_TRAINING_RUN_H_
#define DRAFTP_TRAIN_TRAINING_RUN_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "draftp/run/output_folder.h"
#include "draftp/run/run_identity.h"
#include "draftp/run/run_record.h"
#include "draftp/train/caption_order.h"
#include "draftp/train/optimizer.h"
#include "draftp/train/sdxl_step.h"
#include "draftp/train/stop_request.h"
#include "draftp/train/train_config.h"
#include "draftp/train/train_folder.h"
#include "draftp/train/trainer_state.h"
#include "draftp/train/training_log.h"
#include "draftp/train/training_report.h"
#include "draftp/train/training_setup.h"
#include "draftp/train/validation.h"

namespace draftp {

// All that it is constructed with must outlive it.
class TrainingRun {
 public:
  // `identity` is asked for when a checkpoint is written, waits for the hashes, and tells `record`.
  TrainingRun(const TrainConfig& config, TrainingSetup& setup, OutputFolder& folder,
              StopRequest& stop, RunRecord& record,
              std::function<absl::StatusOr<RunIdentity>()> identity);

  // Goes on from a checkpoint. `notices` gets lines for the user.
  absl::Status Resume(const ResumePoint& point, std::vector<std::string>& notices);

  // Steps, validations and checkpoints until the end, an alarm or a request to stop; the results in
  // the folder are renewed at every validation and in the end.
  absl::Status Loop(TrainingLog& log);

  // After an error that ended Loop: report and record tell of it, as far as they can be written.
  void Fail(const absl::Status& error);

  // Where it stands, as the report and the last line tell.
  RunStatus Status() const;

 private:
  absl::Status Step(TrainingLog& log);
  absl::Status CheckFirstGradients(const StepRecord& record) const;
  absl::Status Skip(const MicroBatchResult& result, TrainingLog& log);
  StepRecord Record(const MicroBatchResult& result) const;
  // `saves`: a checkpoint is due at this step anyway.
  absl::Status Validate(TrainingLog& log, bool saves);
  absl::Status Save();
  absl::Status PublishWeights(bool end);
  absl::Status Publish(bool end);
  // Results and record of a run that ends here; `why`: empty at the last step.
  absl::Status End(const std::string& why);
  void CountTotalSeconds();

  const TrainConfig& config_;
  TrainingSetup& setup_;
  OutputFolder& folder_;
  StopRequest& stop_;
  RunRecord& record_;
  std::function<absl::StatusOr<RunIdentity>()> identity_;
  CaptionOrder order_;
  SdxlTrainStep step_;
  Optimizer optimizer_;
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
