// Lists draftp's samplers and objectives, and what a LoRA's file holds: names_and_files
// LORA.safetensors
#include <cstdio>
#include <string>

#include "draftp/adapter/lora_file.h"
#include "draftp/objective/any_objective.h"
#include "draftp/sampling/any_sampler.h"
#include "draftp/version.h"

int main(int argc, char** argv) {
  std::printf("draftp %s\nsamplers:", draftp::kVersion);
  for (const std::string& name : draftp::AnySampler::Names()) std::printf(" %s", name.c_str());
  std::printf("\nobjectives:");
  for (const std::string& name : draftp::AnyObjective::Names()) std::printf(" %s", name.c_str());
  std::printf("\n");
  const absl::StatusOr<draftp::LoraAdapter> lora =
      draftp::ReadLoraFile(argc > 1 ? argv[1] : "pytorch_lora_weights.safetensors");
  if (!lora.ok()) {
    std::fprintf(stderr, "%s\n", std::string(lora.status().message()).c_str());
    return 1;
  }
  std::printf("%zu adapted layers, the first of rank %d\n", lora->layers.size(),
              static_cast<int>(lora->layers.begin()->second.rank()));
}
