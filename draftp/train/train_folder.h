// The folder of a training run: which one it is, and from which checkpoint the run goes on.
#ifndef DRAFTP_TRAIN_TRAIN_FOLDER_H_
#define DRAFTP_TRAIN_TRAIN_FOLDER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "draftp/run/input_hashes.h"
#include "draftp/run/output_folder.h"
#include "draftp/run/run_identity.h"
#include "draftp/train/train_config.h"
#include "draftp/train/trainer_state.h"

namespace draftp {

// A checkpoint that a run goes on from.
struct ResumePoint {
  std::string folder;
  CheckpointRecord record;
  std::vector<std::string> differences;  // from this run; empty unless --resume_changed
};

struct TrainFolder {
  OutputFolder folder;
  std::optional<ResumePoint> resume;
};

// Opens config.output_dir, or, where it is empty, the first that fits of draftp_train,
// draftp_train_2, ...: one with an unfinished run of this `identity`, else one with a finished one,
// else the first without another run's results. `identity` is asked for only where something is
// compared. InvalidArgument names what differs and the ways out.
absl::StatusOr<TrainFolder> OpenTrainFolder(
    const TrainConfig& config, const std::function<absl::StatusOr<RunIdentity>()>& identity);

// InvalidArgument where a file that the run reads lies where one of its own goes in `dir`.
absl::Status CheckTrainInputs(const TrainConfig& config, const std::vector<InputFile>& inputs,
                              const std::string& dir);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAIN_FOLDER_H_
