// What AUTOMATIC1111's WebUI, and whoever reads its pictures, finds in a PNG's text "parameters".
#ifndef DRAFTP_ANNEAL_WEB_UI_TEXT_H_
#define DRAFTP_ANNEAL_WEB_UI_TEXT_H_

#include <string>
#include <vector>

#include "draftp/anneal/anneal_config.h"
#include "draftp/anneal/image_output.h"
#include "draftp/model/conditioning.h"
#include "draftp/run/run_identity.h"

namespace draftp {

struct WebUiLora {
  std::string name;
  std::string hash;  // 12 hexadecimal digits; empty: unknown

  bool operator==(const WebUiLora&) const = default;
};

// What a picture was drawn by, as far as the WebUI has keys for it.
struct WebUiModels {
  std::string model = {};       // its name
  std::string model_hash = {};  // 10 hexadecimal digits of its file's SHA-256; empty: several files
  std::vector<WebUiLora> loras = {};  // that were evaluated
  std::string tuned = {};             // name of a fully fine-tuned UNet; empty: none was evaluated
};

// The 12 digits by which the WebUI tells LoRAs apart: of the entry sshs_model_hash in the metadata
// of the one safetensors file that `lora` (a file or folder) stands for, or else of the SHA-256 of
// what follows its header. Empty where there is no such file.
std::string WebUiLoraHash(const std::string& lora);

// Of the adapters that a run loads.
std::vector<WebUiLora> WebUiLorasOf(const AnnealConfig& config);

// Of a run whose blend evaluates `used` (anneal_identity.h), with its adapters.
WebUiModels WebUiModelsOf(const AnnealConfig& config, const RunIdentity& used,
                          const std::vector<WebUiLora>& loras);

// The prompt, then a line "Negative prompt: ..." where there is one, and as the last line
//   Steps: 25, Sampler: Euler, Schedule type: SGM Uniform, CFG scale: 5, Seed: 7, Size: 512x768,
//   Model hash: ..., Model: sdxl, Lora hashes: "run: ...", Blend: power_2, Version: draftp 0.2.0
// (in one) with the keys that are true: the schedule's type where the WebUI has the same levels, up
// to its fractional times, the models' where they are known. Values with a comma, a colon or a line
// end are in quotes as JSON has them. CFG scale is 1 for no guidance, whichever way it was typed.
// Blend is the weight type.
std::string WebUiText(const ImageRecord& record, const SamplingConfig& sampling, ImageSize size,
                      const WebUiModels& models);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_WEB_UI_TEXT_H_
