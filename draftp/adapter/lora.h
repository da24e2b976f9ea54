// A low-rank adapter (LoRA) of one linear or convolutional layer, and the slots in which a layer
// carries several.
#ifndef DRAFTP_ADAPTER_LORA_H_
#define DRAFTP_ADAPTER_LORA_H_

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace draftp {

// y += scale * B (A x): Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021,
// section 4.1. Both factors are of any floating dtype; they are converted to that of x where they
// are applied, so that trainable factors may be float32 beside a bfloat16 network.
struct LoraLayer {
  at::Tensor a;        // [r,in], or [r,in,k,k] beside a convolution
  at::Tensor b;        // [out,r], or [out,r,1,1] beside a convolution
  double scale = 1.0;  // alpha / r

  int64_t rank() const { return a.size(0); }
};

// Slot i holds what adapter i adds to this layer; an empty or absent slot adds nothing.
using LoraSlots = std::vector<std::optional<LoraLayer>>;

// The layer of `adapter` in `slots`, or null where that adapter leaves this layer alone.
inline const LoraLayer* FindLora(const LoraSlots& slots, int adapter) {
  const bool present =
      adapter >= 0 && adapter < static_cast<int>(slots.size()) && slots[adapter].has_value();
  return present ? &*slots[adapter] : nullptr;
}

// Puts `layer` into slot `adapter` (>= 0), growing `slots` where needed.
inline void SetLora(LoraSlots& slots, int adapter, LoraLayer layer) {
  TORCH_CHECK(adapter >= 0, "an adapter's index is ", adapter, ", expected >= 0");
  if (adapter >= static_cast<int>(slots.size())) slots.resize(adapter + 1);
  slots[adapter] = std::move(layer);
}

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_LORA_H_
