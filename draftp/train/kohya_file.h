// The trained LoRA in the file of kohya's names, with what is true of the run in its metadata.
#ifndef DRAFTP_TRAIN_KOHYA_FILE_H_
#define DRAFTP_TRAIN_KOHYA_FILE_H_

#include <absl/status/status.h>

#include <cstdint>
#include <map>
#include <string>

#include "draftp/train/train_config.h"
#include "draftp/train/training_model.h"

namespace draftp {

inline constexpr char kKohyaFile[] = "kohya_lora.safetensors";

// The newest sheet of a run's validations, `validation/step_00000600.png`, below its folder; empty:
// there is none.
std::string NewestSheet(const std::string& output_dir);

// Keys ss_* and modelspec.* that programs look for, after `step` steps: those alone that are true
// (ModelSpec). `cover`: bytes of a PNG for ssmd_cover_images and, in 256 pixels, a data URI, for
// modelspec.thumbnail; or empty.
std::map<std::string, std::string> KohyaMetadata(const TrainConfig& config,
                                                 const TrainingModel& model, int64_t step,
                                                 const std::string& cover);

// Writes {output_dir}/kohya_lora.safetensors from the pytorch_lora_weights.safetensors there
// (kohya_writer.h). The newest sheet of at most 2 MiB is its cover. Errors name the file.
absl::Status WriteKohyaFile(const TrainConfig& config, const TrainingModel& model, int64_t step);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_KOHYA_FILE_H_
