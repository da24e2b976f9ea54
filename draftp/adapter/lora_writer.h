// Writes LoRAs as diffusers does (pytorch_lora_weights.safetensors): of a UNet, and of text
// encoders beside it.
#ifndef DRAFTP_ADAPTER_LORA_WRITER_H_
#define DRAFTP_ADAPTER_LORA_WRITER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/adapter/adapter_file.h"
#include "draftp/adapter/lora_file.h"

namespace draftp {

// Writes `path` whole or not at all: unet.PATH.lora_A.weight and unet.PATH.lora_B.weight in `dtype`
// for each layer, and what LoraConfigJson says in "lora_adapter_metadata". ReadLoraFile reads the
// same adapter back. Errors: those of LoraConfigJson and of WriteSafetensors.
//
//   absl::Status status = WriteLoraFile(dir + "/pytorch_lora_weights.safetensors", adapter,
//                                       {"to_q", "to_k", "to_v", "to_out.0"});
absl::Status WriteLoraFile(const std::string& path, const LoraAdapter& adapter,
                           const std::vector<std::string>& target_modules = {},
                           at::ScalarType dtype = at::kFloat);

// The same of all that an adapter changes, every tensor in its own dtype: also
// text_encoder.PATH.lora_A.weight, text_encoder_2.PATH.lora_A.weight and so on. `metadata` stands
// beside "format" and "lora_adapter_metadata". An error that names file, key and kind for layers
// that aren't LoRAs of two factors: the layout has no place for them.
absl::Status WriteDiffusersAdapter(const std::string& path, const Adapter& adapter,
                                   std::map<std::string, std::string> metadata = {});

// alpha = scale * r, a whole number unless it clearly isn't one.
double AlphaOf(double scale, int64_t rank);

// peft's LoraConfig of the adapter as diffusers 0.34 and later store it: JSON of keys "unet.r",
// "unet.lora_alpha", "unet.target_modules" and so on, two spaces a level, sorted. Its keys are the
// ones that every peft since 0.10 knows, for a peft refuses a file with keys newer than itself.
// The rank and alpha = scale * r that most layers have (the smaller of two as frequent) stand for
// all; the other layers' follow in rank_pattern and alpha_pattern by full path.
//
// `target_modules`: ends of paths at a dot, by which peft finds the layers in a UNet: they must
// match each layer of the adapter, and should match no layer beside them. None: each layer's full
// path. Errors name the adapter's source and the layer: no layers, factors of shapes that don't go
// together, a layer that no target matches, a target that matches none.
// `prefix`: what the keys begin with, in place of "unet.".
absl::StatusOr<std::string> LoraConfigJson(const LoraAdapter& adapter,
                                           std::vector<std::string> target_modules = {},
                                           const std::string& prefix = "unet.");

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_LORA_WRITER_H_
