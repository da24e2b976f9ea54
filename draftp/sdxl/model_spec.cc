#include "draftp/sdxl/model_spec.h"

namespace draftp {

std::map<std::string, std::string> ModelSpec(const ModelSpecFacts& facts) {
  std::map<std::string, std::string> metadata = {
      {"format", "pt"}, {"modelspec.sai_model_spec", "1.0.1"}, {"modelspec.title", facts.title}};
  if (facts.velocity) metadata["modelspec.prediction_type"] = *facts.velocity ? "v" : "epsilon";
  if (facts.lora) metadata["ss_v2"] = "False";
  if (!facts.sdxl) return metadata;
  metadata["modelspec.architecture"] =
      facts.lora ? "stable-diffusion-xl-v1-base/lora" : "stable-diffusion-xl-v1-base";
  metadata["modelspec.implementation"] = "https://github.com/Stability-AI/generative-models";
  if (facts.lora) metadata["ss_base_model_version"] = "sdxl_base_v1-0";
  return metadata;
}

}  // namespace draftp
