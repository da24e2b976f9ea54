// An SDXL of random weights in the structure of configs: what sizes, speed and memory need, without
// a download.
#ifndef DRAFTP_CONVERT_RANDOM_MODEL_H_
#define DRAFTP_CONVERT_RANDOM_MODEL_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>

#include "draftp/convert/model_to_write.h"

namespace draftp {

// `structure`: kSdxlBase, or a folder in diffusers' layout, of which the configs and tokenizers
// count. Tensors are float32, and made when they are written; each is a function of `seed`, its
// part and its name alone. Weights of linear layers and convolutions, and their biases, are uniform
// in
// +-1/sqrt(inputs of an output), as torch.nn's are; norms are 1 and 0; embeddings normal of
// deviation 0.02, as transformers initialises CLIP's. So no activation grows beyond float16.
// SDXL base's tokenizers are CLIP's own. Errors are those of the configs' readers.
absl::StatusOr<ModelToWrite> RandomModel(const std::string& structure, uint64_t seed);

}  // namespace draftp

#endif  // DRAFTP_CONVERT_RANDOM_MODEL_H_
