// What decides what a training run computes: for telling whether a checkpoint is of this run.
#ifndef DRAFTP_TRAIN_TRAIN_IDENTITY_H_
#define DRAFTP_TRAIN_TRAIN_IDENTITY_H_

#include <absl/status/statusor.h>

#include <map>
#include <string>
#include <vector>

#include "draftp/run/input_hashes.h"
#include "draftp/run/run_identity.h"
#include "draftp/train/train_config.h"

namespace draftp {

// Every file of the model, the adapter to start from and the rewards that `config` names.
std::vector<InputFile> TrainInputs(const TrainConfig& config);

// Settings that decide what is computed beyond rounding (not where, nor how long, nor what is told
// of it), the captions in their order, the hashes. `dtype`: the network's, resolved.
RunIdentity TrainIdentity(const TrainConfig& config, const std::vector<std::string>& captions,
                          const std::string& dtype,
                          const std::map<std::string, std::string>& hashes);

// SHA-256 of what a validation draws and scores with: its best reward means something beside
// another's of the same.
std::string ValidationHash(const TrainConfig& config, const std::vector<std::string>& captions);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAIN_IDENTITY_H_
