// Reads adapters of a UNet in the layout that diffusers and peft write
// (pytorch_lora_weights.safetensors, or .bin).
#ifndef DRAFTP_ADAPTER_LORA_FILE_H_
#define DRAFTP_ADAPTER_LORA_FILE_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/adapter/lora.h"
#include "draftp/checkpoint/weight_map.h"

namespace draftp {

// An adapter before it is attached to a network.
struct LoraAdapter {
  std::string source;  // file, for messages
  std::map<std::string, LoraLayer>
      layers;  // by path in the UNet: "mid_block.attentions.0. ... .attn1.to_q"
  std::shared_ptr<const WeightOrigin> origin = nullptr;  // what was read; null without files
};

// `path`: a file of tensors, or a folder with pytorch_lora_weights.safetensors or .bin.
//
// Keys: unet.PATH.lora_A.weight and unet.PATH.lora_B.weight, or diffusers' older spellings of the
// pair (PATH.lora.down/up.weight, PATH.processor.to_q_lora.down/up.weight); a file of one UNet may
// leave "unet." out. alpha: a scalar unet.PATH.alpha, or "lora_adapter_metadata" in the file's
// metadata (lora_alpha, alpha_pattern, use_rslora, as peft reads them), or the layer's own rank
// where the file says nothing: scale 1. (diffusers then takes the rank of the file's first layer
// for all, which differs where ranks do.)
//
// Errors are one line with file and key: keys of another kind (text encoders, DoRA, biases, kohya's
// names), half a pair, shapes or ranks that don't go together, a rank other than the metadata's, a
// file without tensors.
absl::StatusOr<LoraAdapter> ReadLoraFile(const std::string& path);

// The same from open tensors.
absl::StatusOr<LoraAdapter> ReadLora(WeightMap weights);

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_LORA_FILE_H_
