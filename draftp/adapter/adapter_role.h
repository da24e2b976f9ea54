// What a tensor of an adapter's file is to its layer, and which file endings say so.
#ifndef DRAFTP_ADAPTER_ADAPTER_ROLE_H_
#define DRAFTP_ADAPTER_ADAPTER_ROLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace draftp {

enum class AdapterRole : uint8_t {
  kAlpha,
  kDown,  // LoRA: A
  kUp,    // B
  kMid,   // Tucker's core
  kHadaW1A,
  kHadaW1B,
  kHadaW2A,
  kHadaW2B,
  kHadaT1,
  kHadaT2,
  kLokrW1,
  kLokrW1A,
  kLokrW1B,
  kLokrW2,
  kLokrW2A,
  kLokrW2B,
  kLokrT2,
  kMagnitude,   // DoRA
  kDiff,        // of the weight; of a norm's scale, too
  kDiffOfBias,  // likewise of the bias
};

// A key without what its end says.
struct SplitKey {
  std::string stem;  // "lora_unet_mid_block_1_proj_in", "unet.conv_in"
  AdapterRole role;
  // Of DyLoRA's factors while they train, a row or column each; none: the whole factor.
  std::optional<int64_t> piece = std::nullopt;
};

// By the endings of kohya, LyCORIS, diffusers (three generations) and peft. The error says what is
// wrong with the ending and names none of the key: a kind of adapter that isn't read (OFT, BOFT,
// GLoRA, IA3, VeRA, HRA, set_weight), or nothing that is known.
absl::StatusOr<SplitKey> SplitAdapterKey(std::string_view key);

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_ADAPTER_ROLE_H_
