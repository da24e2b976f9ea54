// report.html of a training run: from its logs and pictures.
#ifndef DRAFTP_TRAIN_TRAINING_REPORT_H_
#define DRAFTP_TRAIN_TRAINING_REPORT_H_

#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "draftp/train/train_config.h"

namespace draftp {

// What a run's files don't say. Empty texts, seconds and memory of 0 mean "not known".
struct RunStatus {
  int64_t step = 0, max_steps = 0;
  std::string ended = {};  // why it ended, as "SIGTERM"; empty while it runs and at max_steps
  std::optional<int64_t> best_step = {};
  std::optional<double> best_reward = {};  // of a validation
  std::vector<std::string> warnings = {};  // lines that the reader should see first
  std::vector<std::string> changes = {};   // "after step 40: --lr was 1e-3, is 2e-3"
  std::string model = {}, trained = {}, device = {};
  double seconds = 0;  // over all resumes
  int64_t memory_mib = 0;
};

// Where a run stands: "step 40 of 64, running", "finished after 64 steps", "stopped by SIGTERM at
// step 40 of 64".
std::string DescribeStatus(const RunStatus& status);

// Writes {output_dir}/report.html from log.jsonl, validation.jsonl and validation/*.png (the last
// and the best). It may be called at any time; lines of the logs that are damaged are passed over
// with a warning in the report.
absl::Status WriteTrainingReport(const TrainConfig& config, const RunStatus& status);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAINING_REPORT_H_
