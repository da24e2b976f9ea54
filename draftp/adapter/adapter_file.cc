#include "draftp/adapter/adapter_file.h"

#include <ATen/ops/cat.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/adapter/adapter_source.h"
#include "draftp/adapter/lora_metadata.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

using enum AdapterRole;

constexpr char kMetadataKey[] = "lora_adapter_metadata";
constexpr char kConfigName[] = "adapter_config.json";

// The keys of one layer: by role, and of a role by piece.
using LayerKeys = std::map<AdapterRole, std::map<int64_t, std::string>>;

class AdapterReader {
 public:
  AdapterReader(WeightMap weights, const AdapterKeys& keys)
      : weights_(std::move(weights)),
        keys_(keys),
        source_(weights_.sources().empty() ? "memory" : weights_.sources().front()) {}

  absl::StatusOr<Adapter> Read(const std::string& config) {
    // A config's kind of adapter says more than keys that aren't known.
    if (absl::Status status = ReadMetadata(config); !status.ok()) return status;
    if (absl::Status status = SortKeys(); !status.ok()) return status;
    Adapter adapter{.source = source_, .parts = {}};
    for (size_t part = 0; part < layers_.size(); ++part) {
      for (const auto& [path, keys] : layers_.at(part)) {
        absl::StatusOr<LayerChange> change = ReadLayer(metadata_.at(part), path, keys);
        if (!change.ok()) return change.status();
        adapter.parts.at(part).emplace(path, *std::move(change));
      }
    }
    adapter.origin = weights_.Origin();
    return adapter;
  }

 private:
  absl::Status Error(const std::string& what) const {
    return absl::InvalidArgumentError(absl::StrCat(Printable(source_, 4096), ": ", what));
  }
  absl::Status Error(const std::string& key, const std::string& what) const {
    return Error(absl::StrCat(Printable(key), ": ", what));
  }

  // Groups the keys by layer.
  absl::Status SortKeys() {
    const std::vector<std::string> names = weights_.names();
    if (names.empty()) return Error("holds no tensors");
    for (const std::string& name : names) {
      if (const std::string model = OtherModelOf(name); !model.empty())
        return Error(name, absl::StrCat("is of an adapter for ", model, ", expected SDXL's"));
    }
    for (const std::string& name : names) {
      const absl::StatusOr<AdapterKey> key = keys_.Parse(name);
      if (!key.ok()) return Error(name, absl::StrCat(key.status().message(), Hint(names)));
      auto& pieces = layers_.at(static_cast<size_t>(key->part))[key->path][key->role];
      const int64_t piece = key->piece.value_or(kWhole);
      if (!pieces.empty() && (piece == kWhole || pieces.contains(kWhole) || pieces.contains(piece)))
        return Error(name,
                     absl::StrCat("says again what ", Printable(pieces.begin()->second), " says"));
      pieces[piece] = name;
    }
    return absl::OkStatus();
  }

  // Whose adapter a file is by the width of the prompts that its cross attentions take.
  std::string Hint(const std::vector<std::string>& names) const {
    for (const std::string& name : names) {
      const auto split = SplitAdapterKey(name);
      if (!split.ok() || split->role != kDown ||
          !(split->stem.ends_with("attn2_to_k") || split->stem.ends_with("attn2.to_k"))) {
        continue;
      }
      const auto shape = weights_.Shape(name);
      if (!shape.ok() || shape->size() < 2) continue;
      if (shape->at(1) == 768) return "; it is an adapter of Stable Diffusion 1";
      if (shape->at(1) == 1024) return "; it is an adapter of Stable Diffusion 2";
    }
    return "";
  }

  absl::Status ReadMetadata(const std::string& config) {
    const auto found = weights_.metadata().find(kMetadataKey);
    const bool of_file = config.empty();
    if (of_file && found == weights_.metadata().end()) return absl::OkStatus();
    metadata_name_ = of_file ? kMetadataKey : kConfigName;
    const std::string& text = of_file ? found->second : config;
    for (int part = 0; part < kAdapterParts; ++part) {
      const std::string prefix = absl::StrCat(PartName(static_cast<AdapterPart>(part)), ".");
      auto metadata =
          ParseLoraMetadata(source_, text, HasPrefixes(text) ? prefix : "", metadata_name_);
      if (!metadata.ok()) return metadata.status();
      metadata_.at(static_cast<size_t>(part)) = *std::move(metadata);
    }
    return absl::OkStatus();
  }

  static bool HasPrefixes(const std::string& text) {
    return text.find("\"unet.") != std::string::npos ||
           text.find("\"text_encoder") != std::string::npos;
  }

  absl::StatusOr<at::Tensor> Take(const std::string& key) {
    absl::StatusOr<std::vector<int64_t>> shape = weights_.Shape(key);
    if (!shape.ok()) return shape.status();
    return weights_.Take(key, *shape);
  }

  // A tensor, or the pieces 0, 1, ... of one: rows of A, columns of B.
  absl::StatusOr<at::Tensor> TakeWhole(AdapterRole role,
                                       const std::map<int64_t, std::string>& keys) {
    if (keys.contains(kWhole)) return Take(keys.at(kWhole));
    std::vector<at::Tensor> pieces;
    for (const auto& [piece, key] : keys) {
      absl::StatusOr<at::Tensor> tensor = Take(key);
      if (!tensor.ok()) return tensor.status();
      const bool fits = tensor->dim() >= 2 && piece == static_cast<int64_t>(pieces.size()) &&
                        (pieces.empty() || tensor->sizes() == pieces.front().sizes());
      if (!fits)
        return Error(key, absl::StrCat("is [", absl::StrJoin(tensor->sizes(), ","),
                                       "], expected pieces 0, 1, ... of one shape"));
      pieces.push_back(*std::move(tensor));
    }
    return at::cat(pieces, role == kDown ? 0 : 1);
  }

  absl::StatusOr<LayerChange> ReadLayer(const LoraMetadata& metadata, const std::string& path,
                                        const LayerKeys& keys) {
    LayerChange change;
    std::string alpha_key;
    for (const auto& [role, pieces] : keys) {
      if (role == kAlpha) {
        alpha_key = pieces.begin()->second;
        continue;
      }
      absl::StatusOr<at::Tensor> tensor = TakeWhole(role, pieces);
      if (!tensor.ok()) return tensor.status();
      change.items[role] = {*std::move(tensor), pieces.begin()->second};
    }
    if (change.items.empty()) return Error(alpha_key, "comes without the layer's other tensors");
    if (absl::Status complete = CheckComplete(change); !complete.ok())
      return Error(std::string(complete.message()));
    if (change.IsPlainLora()) {
      if (absl::Status fits = CheckPair(change); !fits.ok()) return fits;
    }
    if (absl::Status agrees = CheckConfig(metadata, path, change); !agrees.ok()) return agrees;
    return Scale(metadata, path, alpha_key, std::move(change));
  }

  absl::Status CheckPair(const LayerChange& change) const {
    const at::Tensor &a = change.at(kDown), &b = change.at(kUp);
    const bool dims = (a.dim() == 2 || a.dim() == 4) && b.dim() == a.dim();
    if (dims && a.size(0) >= 1 && b.size(1) == a.size(0)) return absl::OkStatus();
    return Error(change.items.at(kUp).key,
                 absl::StrCat("is [", absl::StrJoin(b.sizes(), ","), "] beside a lora_A of [",
                              absl::StrJoin(a.sizes(), ","),
                              "], expected [out,r] beside [r,in], or [out,r,1,1] beside "
                              "[r,in,k,k]"));
  }

  // The config against the weights.
  absl::Status CheckConfig(const LoraMetadata& metadata, const std::string& path,
                           const LayerChange& change) const {
    const auto& [role, first] = *change.items.begin();
    const std::optional<int64_t> rank = RankOf(change);
    const std::optional<double> stated = metadata.RankOf(path);
    if (rank && stated && *stated != static_cast<double>(*rank))
      return Error(first.key,
                   absl::StrCat("has rank ", *rank, ", ", metadata_name_, " says ", *stated));
    if (metadata.use_dora && change.Has(kDown) && !change.Has(kMagnitude))
      return Error(first.key, absl::StrCat("comes without lora_magnitude_vector, ", metadata_name_,
                                           " says use_dora"));
    return absl::OkStatus();
  }

  absl::StatusOr<LayerChange> Scale(const LoraMetadata& metadata, const std::string& path,
                                    const std::string& alpha_key, LayerChange change) {
    const std::optional<int64_t> found = RankOf(change);
    const std::optional<double> stated = metadata.AlphaOf(path);
    std::optional<double> alpha = stated;
    if (!alpha_key.empty()) {
      if (stated)
        return Error(alpha_key, absl::StrCat("is there, and alpha in ", metadata_name_, " too"));
      absl::StatusOr<double> value = weights_.Scalar(alpha_key);
      if (!value.ok()) return value.status();
      if (!std::isfinite(*value))
        return Error(alpha_key, absl::StrCat("is ", *value, ", expected a finite number"));
      if (*value != 0) alpha = *value;
    }
    if (!found || !alpha) return change;
    const auto rank = static_cast<double>(*found);
    if (rank < 1) return Error(change.items.begin()->second.key, "has rank 0, expected at least 1");
    change.scale = *alpha / (metadata.use_rslora ? std::sqrt(rank) : rank);
    return change;
  }

  static constexpr int64_t kWhole = -1;

  WeightMap weights_;
  const AdapterKeys& keys_;
  std::string source_;
  std::array<std::map<std::string, LayerKeys>, kAdapterParts> layers_;
  std::array<LoraMetadata, kAdapterParts> metadata_;
  std::string metadata_name_;
};

}  // namespace

absl::StatusOr<Adapter> ReadAdapter(WeightMap weights, const AdapterKeys& keys,
                                    const std::string& config) {
  return AdapterReader(std::move(weights), keys).Read(config);
}

absl::StatusOr<Adapter> ReadAdapterFile(const std::string& path, const AdapterKeys& keys,
                                        DoraNorm dora_norm) {
  absl::StatusOr<AdapterSource> source = FindAdapter(path);
  if (!source.ok()) return source.status();
  absl::StatusOr<WeightMap> weights = WeightMap::Open(source->weights);
  if (!weights.ok()) return weights.status();
  std::string config;
  if (!source->config.empty()) {
    constexpr int64_t kMostBytes = 1 << 20;
    absl::StatusOr<std::string> text = ReadFile(source->config, kMostBytes);
    if (!text.ok()) return text.status();
    config = *std::move(text);
  }
  absl::StatusOr<Adapter> adapter = ReadAdapter(*std::move(weights), keys, config);
  if (!adapter.ok()) return adapter;
  for (Adapter::Layers& part : adapter->parts) {
    for (auto& [layer, change] : part) change.norm = dora_norm;
  }
  return adapter;
}

}  // namespace draftp
