// Puts adapters onto the layers of a UNet, or into their weights.
#ifndef DRAFTP_MODEL_UNET_ADAPTER_H_
#define DRAFTP_MODEL_UNET_ADAPTER_H_

#include <c10/core/ScalarType.h>

#include <optional>

#include "absl/status/status.h"
#include "draftp/adapter/lora_file.h"
#include "draftp/model/unet.h"

namespace draftp {

// Puts each layer of `adapter` into slot `index` (>= 0) of the UNet's layer of the same path, on
// its device and in `dtype`, by default the network's (training wants float32). Linear layers and
// convolutions take adapters. A path that the UNet doesn't have, or factors of another shape, is an
// error that names it, and leaves the UNet as it was. Acts where a forward call's AdapterRows name
// `index`; until then nothing changes.
absl::Status AttachLora(UNet& unet, const LoraAdapter& adapter, int index,
                        std::optional<at::ScalarType> dtype = std::nullopt);

// A UNet with adapter `index` at `scale` added into its weights, W + scale * alpha/r * B A, and out
// of its slots; it shares all other tensors with `unet`. For float32 and float64: bfloat16 would
// round a small adapter away.
UNet MergeLora(const UNet& unet, int index, double scale = 1.0);

}  // namespace draftp

#endif  // DRAFTP_MODEL_UNET_ADAPTER_H_
