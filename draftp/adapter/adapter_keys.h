// Which layer of an SDXL a key of an adapter's file speaks of, in every grammar that files have.
#ifndef DRAFTP_ADAPTER_ADAPTER_KEYS_H_
#define DRAFTP_ADAPTER_ADAPTER_KEYS_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/adapter/adapter_role.h"

namespace draftp {

enum class AdapterPart : uint8_t { kUNet, kTextEncoder, kTextEncoder2 };
inline constexpr int kAdapterParts = 3;

// "unet", "text_encoder", "text_encoder_2".
const char* PartName(AdapterPart part);

// Paths of the layers that an adapter may change: of the UNet by diffusers' names, of the text
// encoders by transformers' ("text_model.encoder.layers.0.mlp.fc1", "text_projection").
using AdapterPaths = std::array<std::vector<std::string>, kAdapterParts>;

// What a key speaks of.
struct AdapterKey {
  AdapterPart part;
  std::string path;
  AdapterRole role;
  std::optional<int64_t> piece = std::nullopt;  // see SplitKey
};

// Detects the grammar of each key by itself: kohya's names with the original's or diffusers'
// blocks, the four spellings of diffusers and peft, ComfyUI's, SimpleTuner's (docs/adapters.md).
// A stem is looked up without regard to "." or "_", in which grammars differ.
class AdapterKeys {
 public:
  // Knows the layers of one model.
  explicit AdapterKeys(AdapterPaths paths);
  // Knows no model: keys with diffusers' dotted paths alone, taken as they are.
  AdapterKeys() = default;

  // InvalidArgument says what is wrong with the key, without naming it: its ending, or no such
  // layer and the nearest one.
  absl::StatusOr<AdapterKey> Parse(std::string_view key) const;

 private:
  absl::StatusOr<AdapterKey> Find(SplitKey split) const;
  std::string Nearest(const std::vector<AdapterPart>& parts, const std::string& name) const;

  bool knows_model_ = false;
  // By the layer's path with "_" for ".", in each spelling.
  std::array<std::map<std::string, std::string>, kAdapterParts> layers_;
};

// What other model's adapter has such keys: "Flux", "Stable Diffusion 3", ...; empty: none known.
std::string OtherModelOf(std::string_view key);

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_ADAPTER_KEYS_H_
