// report.html of a training run: from its logs and pictures.
#ifndef DRAFTP_TRAIN_TRAINING_REPORT_H_
#define DRAFTP_TRAIN_TRAINING_REPORT_H_

#include <absl/status/status.h>

#include <string>
#include <vector>

#include "draftp/train/train_config.h"

namespace draftp {

// Writes {output_dir}/report.html from log.jsonl, validation.jsonl and validation/*.png (the first
// and the last). `warnings`: lines that the reader should see first.
absl::Status WriteTrainingReport(const TrainConfig& config,
                                 const std::vector<std::string>& warnings);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAINING_REPORT_H_
