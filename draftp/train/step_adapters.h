// The LoRA of every validation of a run (--keep_adapters): what an evaluation of the run draws by.
#ifndef DRAFTP_TRAIN_STEP_ADAPTERS_H_
#define DRAFTP_TRAIN_STEP_ADAPTERS_H_

#include <ATen/core/Tensor.h>
#include <absl/status/status.h>

#include <cstdint>
#include <map>
#include <string>

#include "draftp/train/training_model.h"

namespace draftp {

// {output_dir}/adapters/step_00000100.safetensors.
std::string StepAdapterPath(const std::string& output_dir, int64_t step);

// Writes StepAdapterPath whole or not at all, in a folder that must be there: as
// pytorch_lora_weights.safetensors, in bfloat16. `values` by the parameters' names; the model must
// have a LoRA. The same values give the same bytes.
absl::Status WriteStepAdapter(const std::string& output_dir, int64_t step,
                              const TrainingModel& model, const TrainConfig& config,
                              const std::map<std::string, at::Tensor>& values);

// Removes all but the newest `keep` by their steps, where `keep` isn't below 0; files of other
// names, and links, stay.
absl::Status RemoveOldStepAdapters(const std::string& output_dir, int64_t keep);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_STEP_ADAPTERS_H_
