// What was made of an SDXL: adapters, beside the weights of its UNet's layers or in a copy's, or a
// whole UNet.
#ifndef DRAFTP_SDXL_TUNED_MODEL_H_
#define DRAFTP_SDXL_TUNED_MODEL_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "draftp/adapter/adapter_keys.h"
#include "draftp/adapter/scaled_adapter.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/model/conditioning.h"
#include "draftp/model/unet.h"
#include "draftp/sdxl/sdxl_predictor.h"

namespace draftp {

// What several adapters make.
enum class AdapterUse {
  kApart,    // a tuned model each, for a mixture of their predictions
  kMerged,   // one tuned model, with all of them in its weights (MergeAdapters)
  kCarried,  // one tuned model whose rows carry all of them, each with a scale that may change
  kApartAndCarried,  // those of kApart, then that of kCarried
};

// The base's layers that it doesn't change are shared.
struct TunedModel {
  std::optional<UNet> unet = std::nullopt;    // none: the base's
  std::vector<CarriedAdapter> adapters = {};  // that its rows carry, in slots of the base's layers
  bool scales_change = false;                 // that of AdapterUse::kCarried
  std::optional<SdxlTextEncoders> text_encoders = std::nullopt;  // none: the base's
  std::vector<std::shared_ptr<const WeightOrigin>> origins = {};

  SdxlNetwork Network(const UNet& base) const {
    return {.unet = unet ? &*unet : &base, .adapters = adapters};
  }
};

// Reads the adapters and puts them to `use`: a plain LoRA into a slot of `unet`'s layers, from slot
// 0 on, another kind into a copy's weights. Errors name the file; of carried ones also an adapter
// that isn't a plain LoRA of the UNet alone, for the scale of another kind can't change.
absl::StatusOr<std::vector<TunedModel>> LoadAdapters(const std::vector<ScaledAdapter>& sources,
                                                     AdapterUse use,
                                                     const SdxlTextEncoders& text_encoders,
                                                     UNet& unet);

// Knows the layers of a model's UNet and text encoders.
AdapterKeys AdapterKeysOf(const UNet& unet, const SdxlTextEncoders& text_encoders);

}  // namespace draftp

#endif  // DRAFTP_SDXL_TUNED_MODEL_H_
