// A new adapter for training: which layers carry it, and what its factors start from.
#ifndef DRAFTP_TRAIN_LORA_INIT_H_
#define DRAFTP_TRAIN_LORA_INIT_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "draftp/adapter/lora_file.h"
#include "draftp/model/unet.h"

namespace draftp {

struct LoraInitOptions {
  int64_t rank = 32;
  double alpha = 32;                                        // scale = alpha / rank
  std::vector<std::string> target_modules = {"diffusers"};  // see TargetSuffixes
  uint64_t seed = 1243;
};

// The ends of layer paths that `target_modules` names: "diffusers" is to_q, to_k, to_v, to_out.0;
// "sdlora" (NeMo-Aligner's) those and ff.net.0.proj, ff.net.2; any other word is an end itself, as
// peft takes it.
std::vector<std::string> TargetSuffixes(const std::vector<std::string>& target_modules);

// An adapter on the linear layers of the UNet's transformer blocks whose paths end so. A [r,in] is
// xavier normal, N(0, 2 / (in + r)) (Glorot and Bengio, 2010), drawn by (seed, path) alone; B
// [out,r] is zero, so that the adapter changes nothing yet. float32 on the CPU. InvalidArgument
// names a target that no layer ends with.
absl::StatusOr<LoraAdapter> InitLora(const UNet& unet, const LoraInitOptions& options);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_LORA_INIT_H_
