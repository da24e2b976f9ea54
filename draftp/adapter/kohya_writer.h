// Writes adapters as kohya's sd-scripts and LyCORIS do for SDXL: what ComfyUI, A1111, Forge and
// InvokeAI read whole.
#ifndef DRAFTP_ADAPTER_KOHYA_WRITER_H_
#define DRAFTP_ADAPTER_KOHYA_WRITER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "draftp/adapter/lora_file.h"

namespace draftp {

// Writes `path` whole or not at all: STEM.lora_down.weight, STEM.lora_up.weight in float32 and
// STEM.alpha = scale * r of each layer, STEM "lora_unet_input_blocks_4_1_proj_in" of
// "down_blocks.1.attentions.0.proj_in" (SgmUNetPlaces, "_" for "."). `paths`: of all the UNet's
// layers, by which blocks are counted. ReadAdapterFile with the UNet's AdapterKeys reads the same
// adapter back.
//
// `metadata`: what the file says of itself beside its tensors, keys ss_* and modelspec.*. Added are
// what the tensors say: ss_network_module, ss_network_dim and ss_network_alpha ("Dynamic" where
// layers differ), and the hashes by which programs know a LoRA: sshs_model_hash and
// modelspec.hash_sha256 (SHA-256 of the data behind the header), sshs_legacy_hash (the first 8
// digits of that of 0x10000 bytes at 0x100000 of the file with the ss_* alone), as kohya's
// precalculate_safetensors_hashes computes them. Errors: those of WriteSafetensors and ReadFile.
absl::Status WriteKohyaLora(const std::string& path, const LoraAdapter& adapter,
                            const std::vector<std::string>& paths,
                            std::map<std::string, std::string> metadata);

// The same of all that an adapter changes, of whatever kind, every tensor but alpha in its own
// dtype: by LyCORIS' endings what isn't a LoRA of two factors, and text encoders' layers as
// lora_te1_ and lora_te2_. ss_network_module says lycoris.kohya where there is another kind.
// ReadAdapterFile reads the same adapter back.
absl::Status WriteKohyaAdapter(const std::string& path, const Adapter& adapter,
                               const std::vector<std::string>& paths,
                               std::map<std::string, std::string> metadata);

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_KOHYA_WRITER_H_
