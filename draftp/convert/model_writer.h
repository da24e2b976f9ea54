// Writes an SDXL as a folder for diffusers or as a single file.
#ifndef DRAFTP_CONVERT_MODEL_WRITER_H_
#define DRAFTP_CONVERT_MODEL_WRITER_H_

#include <absl/status/status.h>

#include <string>

#include "draftp/convert/model_to_write.h"

namespace draftp {

// Diffusers' layout: model_index.json, config.json and weights of each part, the tokenizers' files,
// scheduler_config.json. The folder appears whole or not at all; one tensor is in memory at a time.
absl::Status WriteModelFolder(const std::string& path, const ModelToWrite& model);

// The layout of Stability's files (AddSingleFilePart), whole or not at all, one tensor in memory at
// a time. The marks v_pred and ztsnr stand where they are true, ModelSpec 1.0.1's keys in the
// metadata, and draftp's own of what tensors don't show: configs, and the tokenizers' files where
// the vocabulary isn't CLIP's. Errors name `model.source` and the part without a place.
absl::Status WriteSingleFile(const std::string& path, const ModelToWrite& model);

}  // namespace draftp

#endif  // DRAFTP_CONVERT_MODEL_WRITER_H_
