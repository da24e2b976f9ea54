// Which tensors, of which shapes, the parts of an SDXL have by their configs.
#ifndef DRAFTP_CONVERT_MODEL_STRUCTURE_H_
#define DRAFTP_CONVERT_MODEL_STRUCTURE_H_

#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "draftp/checkpoint/layout.h"
#include "draftp/io/json_file.h"

namespace draftp {

inline constexpr std::array kModelParts = {ModelPart::kUNet, ModelPart::kVae,
                                           ModelPart::kTextEncoder, ModelPart::kTextEncoder2};

using TensorShapes = std::map<std::string, std::vector<int64_t>>;  // by today's names

// Of a UNet, a VAE with its encoder, or a text encoder, as its files have them. Errors are those of
// the config's reader.
absl::StatusOr<TensorShapes> ShapesOf(ModelPart part, const JsonReader& config);

// The name of SDXL base's published structure.
inline constexpr char kSdxlBase[] = "sdxl_base_1.0";

// Its configs, by the name of a part's folder and "scheduler": what stabilityai published as
// stable-diffusion-xl-base-1.0, without keys that have diffusers' or transformers' own defaults.
const nlohmann::json& SdxlBaseConfigs();

}  // namespace draftp

#endif  // DRAFTP_CONVERT_MODEL_STRUCTURE_H_
