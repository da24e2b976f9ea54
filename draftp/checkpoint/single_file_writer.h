// An SDXL's parts as the tensors of a single file.
#ifndef DRAFTP_CHECKPOINT_SINGLE_FILE_WRITER_H_
#define DRAFTP_CHECKPOINT_SINGLE_FILE_WRITER_H_

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/checkpoint/layout.h"
#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/weight_map.h"

namespace draftp {

using TensorsToWrite = std::map<std::string, TensorToWrite>;

// Every tensor of `weights` by its own name, in `dtype` or, without one, as it is stored.
absl::StatusOr<TensorsToWrite> AsStored(std::shared_ptr<WeightMap> weights,
                                        std::optional<at::ScalarType> dtype);

// Adds the tensors of `part` (kUNet, kVae, kTextEncoder, kTextEncoder2; by diffusers' and
// transformers' names, as ModelSource gives them) by the names and shapes of SingleFileLayout: a
// VAE's attention as 1x1 convolutions, bigG's q, k and v as one in_proj, its projection transposed.
absl::Status AddSingleFilePart(ModelPart part, const TensorsToWrite& tensors, TensorsToWrite& file);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_SINGLE_FILE_WRITER_H_
