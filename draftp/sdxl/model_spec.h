// What files say of themselves so that other programs know them for SDXL's: ModelSpec 1.0.1, and
// the keys that kohya's scripts, A1111 and Forge look for.
#ifndef DRAFTP_SDXL_MODEL_SPEC_H_
#define DRAFTP_SDXL_MODEL_SPEC_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace draftp {

// Whether a UNet that takes prompts of `context` numbers a token is SDXL's: the two CLIP towers'
// 768 and 1280, which no other model that draftp loads has.
constexpr bool IsSdxlContext(int64_t context) { return context == 2048; }

struct ModelSpecFacts {
  std::string title;
  bool sdxl = false;                  // of SDXL's structure
  bool lora = false;                  // an adapter; else a whole model
  std::optional<bool> velocity = {};  // v prediction; none: not known
};

// "__metadata__" of a safetensors file, of what is true alone: format, modelspec.sai_model_spec and
// .title; .prediction_type where it is known; .architecture and .implementation of SDXL's; of an
// adapter also ss_v2, and of SDXL's ss_base_model_version.
std::map<std::string, std::string> ModelSpec(const ModelSpecFacts& facts);

}  // namespace draftp

#endif  // DRAFTP_SDXL_MODEL_SPEC_H_
