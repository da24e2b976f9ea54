// README.md of a training run: the card that the Hugging Face Hub shows of its weights.
#ifndef DRAFTP_TRAIN_MODEL_CARD_H_
#define DRAFTP_TRAIN_MODEL_CARD_H_

#include <absl/status/status.h>

#include <string>

#include "draftp/train/train_config.h"
#include "draftp/train/training_report.h"

namespace draftp {

// Front matter and text of the card. `sheet`: the newest validation's picture below output_dir, or
// empty. What the run doesn't know isn't in it: no license, no trigger words; base_model alone
// where the model lies in the hub's cache, whose folders name it.
std::string ModelCard(const TrainConfig& config, const RunStatus& status, const std::string& sheet);

// Writes {output_dir}/README.md. One that is there without draftp's line is left as it is: it is
// somebody's own.
absl::Status WriteModelCard(const TrainConfig& config, const RunStatus& status,
                            const std::string& sheet);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_MODEL_CARD_H_
