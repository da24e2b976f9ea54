// Reads an adapter of SDXL, of whatever kind and grammar, into changes of layers.
#ifndef DRAFTP_ADAPTER_ADAPTER_FILE_H_
#define DRAFTP_ADAPTER_ADAPTER_FILE_H_

#include <array>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/adapter/adapter_keys.h"
#include "draftp/adapter/layer_change.h"
#include "draftp/checkpoint/weight_map.h"

namespace draftp {

struct Adapter {
  using Layers = std::map<std::string, LayerChange>;  // by path

  std::string source;  // file, for messages
  std::array<Layers, kAdapterParts> parts;
  std::shared_ptr<const WeightOrigin> origin = nullptr;  // what was read; null without files

  const Layers& of(AdapterPart part) const { return parts.at(static_cast<size_t>(part)); }
  bool ChangesTextEncoders() const {
    return !of(AdapterPart::kTextEncoder).empty() || !of(AdapterPart::kTextEncoder2).empty();
  }
};

// What FindAdapter finds at `path`, by the keys that `keys` takes (docs/adapters.md). `dora_norm`
// is that of all changes.
//
// s = alpha / r of a layer. alpha: its own key, where 0 means r as kohya's programs take it; or
// "lora_adapter_metadata" of the file, or adapter_config.json beside it (lora_alpha, alpha_pattern,
// use_rslora, as peft reads them); or r where nothing says it: s = 1. (diffusers then takes the
// rank of the file's first layer for all, which differs where ranks do.)
//
// Errors are one line with file and key: a key that nothing takes, with the nearest layer or the
// model whose it is; half a pair; two keys for one thing; shapes or ranks that don't go together;
// a rank, alpha or DoRA other than the config says; a file without tensors.
absl::StatusOr<Adapter> ReadAdapterFile(const std::string& path, const AdapterKeys& keys,
                                        DoraNorm dora_norm = DoraNorm::kChanged);

// The same from open tensors. `config`: text of an adapter_config.json, or empty.
absl::StatusOr<Adapter> ReadAdapter(WeightMap weights, const AdapterKeys& keys,
                                    const std::string& config = "");

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_ADAPTER_FILE_H_
