// What a training run tells while it runs: a live line, log.jsonl and TensorBoard events.
#ifndef DRAFTP_TRAIN_TRAINING_LOG_H_
#define DRAFTP_TRAIN_TRAINING_LOG_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "draftp/config/config_value.h"
#include "draftp/io/png.h"
#include "draftp/report/event_file.h"
#include "draftp/report/line_log.h"
#include "draftp/report/moving_mean.h"
#include "draftp/run/notices.h"
#include "draftp/train/alarms.h"

namespace draftp {

// One optimiser step; means over its images.
struct StepRecord {
  int64_t step = 0;              // 1 for the first
  int64_t consumed_samples = 0;  // with this step's
  double loss = 0, reward = 0, kl = 0, grad_norm = 0, clamped = 0;
  double lr = 0, kl_coefficient = 0;
  bool skipped = false;                                      // not finite: nothing was updated
  std::vector<std::pair<std::string, double>> rewards = {};  // of each member, raw
  std::vector<std::pair<std::string, double>> reward_norms =
      {};  // norm of its gradient by the images
  double seconds = 0;
  std::map<std::string, double> phases = {};  // seconds by phase
  int64_t images = 0;
  int64_t memory_mib = 0;  // the most so far, of the device that trains
};

struct ValidationRecord {
  int64_t step = 0;  // optimiser steps behind it
  ValidationScores scores;
  double seconds = 0;
  int64_t best_step = 0;  // of the validations so far, with this one
  double best_reward = 0;
};

// "validation at step 50: reward 31.2 (base 30.8), held-out NAME 5.1 (base 5.0), ...; the best".
// What has no value is left out.
std::string DescribeValidation(const ValidationRecord& record);

// Numbers that aren't finite are null in the JSON files.
class TrainingLog {
 public:
  struct Options {
    std::string output_dir;
    int64_t first_step = 0;  // steps behind a resumed run: later lines of an earlier run go
    int64_t max_steps = 1;
    std::vector<std::pair<std::string, ConfigValue>> settings = {};  // for TensorBoard
  };
  // `notices` must outlive it.
  static absl::StatusOr<TrainingLog> Open(Notices& notices, Options options);
  absl::Status Add(const StepRecord& record);
  absl::Status Add(const ValidationRecord& record, const RgbImage& sheet);
  // A line of its own for the user.
  void Say(const std::string& line) { notices_->Say(line); }
  void Warn(const std::string& line) { notices_->Warn(line); }
  absl::Status Close();

 private:
  TrainingLog(Notices& notices, Options options, LineLog steps, LineLog validations,
              EventFile events);
  void Show(const StepRecord& record);

  Notices* notices_;
  Options options_;
  LineLog steps_, validations_;
  EventFile events_;
  MovingMean reward_{20}, seconds_{20};
};

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAINING_LOG_H_
