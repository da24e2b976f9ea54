#include "draftp/adapter/lora_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/adapter/lora_metadata.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr std::string_view kUNetPrefix = "unet.";

enum class Part { kA, kB, kAlpha };

// What a key ends with, what that stands for, and what its path then ends with.
struct Ending {
  std::string_view text;
  Part part;
  std::string_view path_ending;
};

constexpr std::array<Ending, 13> kEndings = {{
    {".lora_A.weight", Part::kA, ""},
    {".lora_B.weight", Part::kB, ""},
    {".lora.down.weight", Part::kA, ""},
    {".lora.up.weight", Part::kB, ""},
    {".processor.to_q_lora.down.weight", Part::kA, ".to_q"},
    {".processor.to_q_lora.up.weight", Part::kB, ".to_q"},
    {".processor.to_k_lora.down.weight", Part::kA, ".to_k"},
    {".processor.to_k_lora.up.weight", Part::kB, ".to_k"},
    {".processor.to_v_lora.down.weight", Part::kA, ".to_v"},
    {".processor.to_v_lora.up.weight", Part::kB, ".to_v"},
    {".processor.to_out_lora.down.weight", Part::kA, ".to_out.0"},
    {".processor.to_out_lora.up.weight", Part::kB, ".to_out.0"},
    {".alpha", Part::kAlpha, ""},
}};

// Names of a layer's tensors in the file.
struct Keys {
  std::string a, b, alpha;
};

class LoraReader {
 public:
  explicit LoraReader(WeightMap weights)
      : weights_(std::move(weights)),
        source_(weights_.sources().empty() ? "memory" : weights_.sources().front()) {}

  absl::StatusOr<LoraAdapter> Read() {
    if (absl::Status status = SortKeys(); !status.ok()) return status;
    if (absl::Status status = ReadMetadata(); !status.ok()) return status;
    LoraAdapter adapter{.source = source_, .layers = {}};
    for (const auto& [path, keys] : layers_) {
      absl::StatusOr<LoraLayer> layer = ReadLayer(path, keys);
      if (!layer.ok()) return layer.status();
      adapter.layers.emplace(path, *std::move(layer));
    }
    adapter.origin = weights_.Origin();
    return adapter;
  }

 private:
  absl::Status Error(const std::string& key, const std::string& what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(source_, 4096), ": ", Printable(key), ": ", what));
  }

  // Groups the keys by layer.
  absl::Status SortKeys() {
    const std::vector<std::string> names = weights_.names();
    if (names.empty())
      return absl::InvalidArgumentError(
          absl::StrCat(Printable(source_, 4096), ": holds no tensors"));
    if (std::any_of(names.begin(), names.end(),
                    [](const auto& name) { return name.starts_with(kUNetPrefix); })) {
      prefix_ = kUNetPrefix;
    }
    for (const std::string& name : names) {
      if (name.starts_with("text_encoder")) {
        return Error(name, "adapts a text encoder, supported are adapters of the UNet alone");
      }
      const auto ending =
          std::find_if(kEndings.begin(), kEndings.end(),
                       [&name](const Ending& ending) { return name.ends_with(ending.text); });
      if (ending == kEndings.end() || !name.starts_with(prefix_) ||
          name.size() <= prefix_.size() + ending->text.size()) {
        return Error(name, absl::StrCat("is no key of a UNet's LoRA, expected ", prefix_,
                                        "PATH.lora_A.weight, PATH.lora_B.weight or PATH.alpha"));
      }
      const size_t length = name.size() - prefix_.size() - ending->text.size();
      Keys& keys = layers_[absl::StrCat(name.substr(prefix_.size(), length),
                                        std::string(ending->path_ending))];
      std::string& key = ending->part == Part::kA   ? keys.a
                         : ending->part == Part::kB ? keys.b
                                                    : keys.alpha;
      if (!key.empty())
        return Error(name, absl::StrCat("says again what ", Printable(key), " says"));
      key = name;
    }
    return absl::OkStatus();
  }

  absl::Status ReadMetadata() {
    const auto found = weights_.metadata().find("lora_adapter_metadata");
    if (found == weights_.metadata().end()) return absl::OkStatus();
    absl::StatusOr<LoraMetadata> metadata = ParseLoraMetadata(source_, found->second, prefix_);
    if (!metadata.ok()) return metadata.status();
    metadata_ = *std::move(metadata);
    return absl::OkStatus();
  }

  absl::StatusOr<at::Tensor> Take(const std::string& key) {
    absl::StatusOr<std::vector<int64_t>> shape = weights_.Shape(key);
    if (!shape.ok()) return shape.status();
    return weights_.Take(key, *shape);
  }

  absl::StatusOr<LoraLayer> ReadLayer(const std::string& path, const Keys& keys) {
    if (keys.a.empty() || keys.b.empty()) {
      const std::string& half = !keys.a.empty() ? keys.a : !keys.b.empty() ? keys.b : keys.alpha;
      return Error(half, absl::StrCat("comes without ", keys.a.empty() ? "lora_A" : "lora_B",
                                      " of the same layer"));
    }
    absl::StatusOr<at::Tensor> a = Take(keys.a);
    if (!a.ok()) return a.status();
    absl::StatusOr<at::Tensor> b = Take(keys.b);
    if (!b.ok()) return b.status();
    const bool dims = (a->dim() == 2 || a->dim() == 4) && b->dim() == a->dim();
    if (!dims || a->size(0) < 1 || b->size(1) != a->size(0)) {
      return Error(
          keys.b,
          absl::StrCat("is [", absl::StrJoin(b->sizes(), ","), "] beside a lora_A of [",
                       absl::StrJoin(a->sizes(), ","),
                       "], expected [out,r] beside [r,in], or [out,r,1,1] beside [r,in,k,k]"));
    }
    const double rank = static_cast<double>(a->size(0));
    const std::optional<double> stated = metadata_.RankOf(path);
    if (stated && *stated != rank) {
      return Error(keys.a,
                   absl::StrCat("has rank ", rank, ", lora_adapter_metadata says ", *stated));
    }
    absl::StatusOr<double> alpha = Alpha(path, keys, rank);
    if (!alpha.ok()) return alpha.status();
    return LoraLayer{
        .a = *a, .b = *b, .scale = *alpha / (metadata_.use_rslora ? std::sqrt(rank) : rank)};
  }

  absl::StatusOr<double> Alpha(const std::string& path, const Keys& keys, double rank) {
    const std::optional<double> stated = metadata_.AlphaOf(path);
    if (keys.alpha.empty()) return stated.value_or(rank);
    if (stated) return Error(keys.alpha, "is there, and alpha in lora_adapter_metadata too");
    absl::StatusOr<at::Tensor> tensor = Take(keys.alpha);
    if (!tensor.ok()) return tensor.status();
    if (tensor->numel() != 1) {
      return Error(keys.alpha, absl::StrCat("has ", tensor->numel(), " values, expected one"));
    }
    const double alpha = tensor->item<double>();
    if (!std::isfinite(alpha))
      return Error(keys.alpha, absl::StrCat("is ", alpha, ", expected a finite number"));
    return alpha;
  }

  WeightMap weights_;
  std::string source_;
  std::string prefix_;
  std::map<std::string, Keys> layers_;
  LoraMetadata metadata_;
};

}  // namespace

absl::StatusOr<LoraAdapter> ReadLora(WeightMap weights) {
  return LoraReader(std::move(weights)).Read();
}

absl::StatusOr<LoraAdapter> ReadLoraFile(const std::string& path) {
  absl::StatusOr<WeightMap> weights = WeightMap::Open(path, "pytorch_lora_weights");
  if (!weights.ok()) return weights.status();
  return ReadLora(*std::move(weights));
}

}  // namespace draftp
