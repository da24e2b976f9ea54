#include "draftp/train/lora_init.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <cmath>
#include <set>
#include <type_traits>

#include "draftp/io/printable.h"
#include "draftp/objective/step_random.h"

namespace draftp {
namespace {

bool EndsWithPath(const std::string& path, const std::string& suffix) {
  return path == suffix || absl::EndsWith(path, absl::StrCat(".", suffix));
}

LoraLayer NewLayer(const std::string& path, const at::Tensor& weight,
                   const LoraInitOptions& options) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const uint64_t seed = StepRandom(options.seed, 0, absl::StrCat("lora_A ", path)).Next();
  at::Tensor a =
      at::randn({options.rank, in}, at::detail::createCPUGenerator(seed), at::TensorOptions());
  a.mul_(std::sqrt(2.0 / static_cast<double>(in + options.rank)));
  return {.a = a,
          .b = at::zeros({out, options.rank}),
          .scale = options.alpha / static_cast<double>(options.rank)};
}

}  // namespace

std::vector<std::string> TargetSuffixes(const std::vector<std::string>& target_modules) {
  std::vector<std::string> suffixes;
  for (const std::string& target : target_modules) {
    if (target != "diffusers" && target != "sdlora") {
      suffixes.push_back(target);
      continue;
    }
    suffixes.insert(suffixes.end(), {"to_q", "to_k", "to_v", "to_out.0"});
    if (target == "sdlora") suffixes.insert(suffixes.end(), {"ff.net.0.proj", "ff.net.2"});
  }
  return suffixes;
}

absl::StatusOr<LoraAdapter> InitLora(const UNet& unet, const LoraInitOptions& options) {
  LoraAdapter adapter{.source = "a new adapter", .layers = {}};
  const std::vector<std::string> suffixes = TargetSuffixes(options.target_modules);
  std::set<std::string> unmatched(suffixes.begin(), suffixes.end());
  VisitWeights(unet, [&]<class W>(const std::string& path, const W& layer) {
    if constexpr (std::is_same_v<W, LinearWeights>) {
      if (path.find(".transformer_blocks.") == std::string::npos) return;
      for (const std::string& suffix : suffixes) {
        if (!EndsWithPath(path, suffix)) continue;
        unmatched.erase(suffix);
        adapter.layers.try_emplace(path, NewLayer(path, layer.weight, options));
      }
    }
  });
  if (unmatched.empty()) return adapter;
  return absl::InvalidArgumentError(absl::StrCat("--target_modules: found ",
                                                 Quoted(*unmatched.begin(), 60),
                                                 ", expected diffusers, sdlora or the end of a "
                                                 "path of linear layers in the UNet's transformer "
                                                 "blocks, as to_q or ff.net.2"));
}

}  // namespace draftp
