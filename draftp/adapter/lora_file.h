// LoRAs of a UNet that it carries beside its weights, and trains: read without a model, in the
// layouts of diffusers and peft.
#ifndef DRAFTP_ADAPTER_LORA_FILE_H_
#define DRAFTP_ADAPTER_LORA_FILE_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/adapter/adapter_file.h"
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

// Whether all that `adapter` changes of the UNet are LoRAs of two factors, which a network can
// carry beside its weights.
bool IsPlainLora(const Adapter& adapter);

// The UNet's part of an adapter that is so.
LoraAdapter UNetLora(const Adapter& adapter);

// Of an adapter of the UNet alone that is so, else an error that names the first other key.
absl::StatusOr<LoraAdapter> PlainLora(const Adapter& adapter);

// What ReadAdapterFile reads without knowing a model: keys with diffusers' dotted paths,
// unet.PATH.lora_A.weight and unet.PATH.lora_B.weight or diffusers' older spellings of the pair
// (PATH.lora.down/up.weight, PATH.processor.to_q_lora.down/up.weight); a file of one UNet may leave
// "unet." out. Kohya's names, which say their layer with a model only, are an error, and so is what
// PlainLora doesn't take.
absl::StatusOr<LoraAdapter> ReadLoraFile(const std::string& path);

// The same from open tensors.
absl::StatusOr<LoraAdapter> ReadLora(WeightMap weights);

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_LORA_FILE_H_
