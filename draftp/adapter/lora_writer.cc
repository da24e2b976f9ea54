#include "draftp/adapter/lora_writer.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

using nlohmann::json;

constexpr char kPrefix[] = "unet.";

absl::Status Error(const LoraAdapter& adapter, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(
      adapter.source.empty() ? "adapter" : Printable(adapter.source, 4096), ": ", what));
}

std::string Shape(const at::Tensor& tensor) {
  return tensor.defined() ? absl::StrCat("[", absl::StrJoin(tensor.sizes(), ","), "]") : "nothing";
}

bool EndsAtDot(std::string_view path, std::string_view end) {
  if (!path.ends_with(end)) return false;
  return path.size() == end.size() || path[path.size() - end.size() - 1] == '.';
}

absl::Status CheckFactors(const LoraAdapter& adapter) {
  if (adapter.layers.empty()) return Error(adapter, "found no layers, expected at least one");
  for (const auto& [path, layer] : adapter.layers) {
    const bool defined = layer.a.defined() && layer.b.defined();
    if (!defined || layer.a.dim() < 2 || layer.b.dim() != layer.a.dim() ||
        layer.a.size(0) != layer.b.size(1) || layer.a.size(0) < 1 || !std::isfinite(layer.scale)) {
      return Error(adapter, absl::StrCat(Printable(path), ": found lora_A ", Shape(layer.a),
                                         ", lora_B ", Shape(layer.b), " and scale ", layer.scale,
                                         ", expected [r,in,...], [out,r,...] and a finite number"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTargets(const LoraAdapter& adapter, const std::vector<std::string>& targets) {
  for (const auto& [path, layer] : adapter.layers) {
    if (std::none_of(targets.begin(), targets.end(),
                     [&path](const std::string& target) { return EndsAtDot(path, target); })) {
      return Error(adapter, absl::StrCat(Printable(path), ": is matched by none of target_modules ",
                                         Printable(absl::StrJoin(targets, ", "))));
    }
  }
  for (const std::string& target : targets) {
    if (target.empty() ||
        std::none_of(adapter.layers.begin(), adapter.layers.end(),
                     [&target](const auto& item) { return EndsAtDot(item.first, target); })) {
      return Error(adapter, absl::StrCat("target_modules: ", Quoted(target), " matches no layer"));
    }
  }
  return absl::OkStatus();
}

// Whole numbers as peft's integers.
json Number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return static_cast<int64_t>(value);
  return value;
}

using Values = std::map<std::string, double>;  // by path

double MostFrequent(const Values& values) {
  std::map<double, int64_t> counts;
  for (const auto& [path, value] : values) ++counts[value];
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

// The values other than `common`. peft's ^ keeps a path from matching others that end with it.
json Patterns(const Values& values, double common) {
  json patterns = json::object();
  for (const auto& [path, value] : values) {
    if (value == common) continue;
    const bool ends_others =
        std::any_of(values.begin(), values.end(), [&path = path](const auto& other) {
          return other.first != path && EndsAtDot(other.first, path);
        });
    patterns[ends_others ? "^" + path : path] = Number(value);
  }
  return patterns;
}

json Config(const LoraAdapter& adapter, const std::vector<std::string>& targets) {
  Values ranks, alphas;
  for (const auto& [path, layer] : adapter.layers) {
    ranks[path] = static_cast<double>(layer.rank());
    alphas[path] = AlphaOf(layer.scale, layer.rank());
  }
  const double rank = MostFrequent(ranks), alpha = MostFrequent(alphas);
  json config = {{"r", Number(rank)},
                 {"rank_pattern", Patterns(ranks, rank)},
                 {"lora_alpha", Number(alpha)},
                 {"alpha_pattern", Patterns(alphas, alpha)},
                 {"target_modules", targets},
                 {"peft_type", "LORA"},
                 {"bias", "none"},
                 {"init_lora_weights", true},
                 {"loftq_config", json::object()},
                 {"lora_dropout", 0.0},
                 {"megatron_core", "megatron.core"}};
  for (const char* key : {"fan_in_fan_out", "inference_mode", "use_dora", "use_rslora"}) {
    config[key] = false;
  }
  for (const char* key :
       {"auto_mapping", "base_model_name_or_path", "layer_replication", "layers_pattern",
        "layers_to_transform", "megatron_config", "modules_to_save", "revision", "task_type"}) {
    config[key] = nullptr;
  }
  return config;
}

}  // namespace

double AlphaOf(double scale, int64_t rank) {
  const double alpha = scale * static_cast<double>(rank);
  const double whole = std::round(alpha);
  return std::abs(alpha - whole) <= 1e-12 * std::abs(alpha) ? whole : alpha;
}

absl::StatusOr<std::string> LoraConfigJson(const LoraAdapter& adapter,
                                           std::vector<std::string> target_modules,
                                           const std::string& prefix) {
  if (absl::Status status = CheckFactors(adapter); !status.ok()) return status;
  if (target_modules.empty()) {
    for (const auto& [path, layer] : adapter.layers) target_modules.push_back(path);
  }
  std::sort(target_modules.begin(), target_modules.end());
  if (absl::Status status = CheckTargets(adapter, target_modules); !status.ok()) return status;
  json metadata = json::object();
  const json config = Config(adapter, target_modules);
  for (const auto& [key, value] : config.items()) metadata[absl::StrCat(prefix, key)] = value;
  return metadata.dump(2, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace);
}

absl::Status WriteLoraFile(const std::string& path, const LoraAdapter& adapter,
                           const std::vector<std::string>& target_modules, at::ScalarType dtype) {
  const absl::StatusOr<std::string> config = LoraConfigJson(adapter, target_modules);
  if (!config.ok()) return config.status();
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [layer_path, layer] : adapter.layers) {
    const std::string key = absl::StrCat(kPrefix, layer_path);
    tensors[key + ".lora_A.weight"] = layer.a.detach().to(dtype);
    tensors[key + ".lora_B.weight"] = layer.b.detach().to(dtype);
  }
  return WriteSafetensors(path, tensors, {{"format", "pt"}, {"lora_adapter_metadata", *config}});
}

absl::Status WriteDiffusersAdapter(const std::string& path, const Adapter& adapter,
                                   std::map<std::string, std::string> metadata) {
  std::map<std::string, at::Tensor> tensors;
  json configs = json::object();
  for (int i = 0; i < kAdapterParts; ++i) {
    const auto part = static_cast<AdapterPart>(i);
    const std::string prefix = absl::StrCat(PartName(part), ".");
    LoraAdapter lora{.source = adapter.source, .layers = {}};
    for (const auto& [layer_path, change] : adapter.of(part)) {
      if (!change.IsPlainLora()) {
        return absl::InvalidArgumentError(absl::StrCat(
            Printable(adapter.source, 4096), ": ", Printable(change.items.begin()->second.key),
            ": is of ", KindOf(change), ", expected LoRAs of two factors, which diffusers' layout ",
            "holds alone"));
      }
      const LoraLayer layer = change.Plain();
      tensors[absl::StrCat(prefix, layer_path, ".lora_A.weight")] = layer.a;
      tensors[absl::StrCat(prefix, layer_path, ".lora_B.weight")] = layer.b;
      lora.layers.emplace(layer_path, layer);
    }
    if (lora.layers.empty()) continue;
    const auto config = LoraConfigJson(lora, {}, prefix);
    if (!config.ok()) return config.status();
    configs.update(json::parse(*config));
  }
  metadata["format"] = "pt";
  metadata["lora_adapter_metadata"] = configs.dump(2);
  return WriteSafetensors(path, tensors, metadata);
}

}  // namespace draftp
