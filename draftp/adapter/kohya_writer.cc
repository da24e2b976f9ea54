#include "draftp/adapter/kohya_writer.h"

#include <ATen/ops/full.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "draftp/adapter/lora_writer.h"
#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/sgm_names.h"
#include "draftp/io/file_hash.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

using Metadata = std::map<std::string, std::string>;

// The one value, or what resized files say of several.
std::string Common(const std::set<double>& values) {
  return values.size() == 1 ? absl::StrCat(*values.begin()) : "Dynamic";
}

void AddNetwork(const Adapter& adapter, Metadata& metadata) {
  std::set<double> ranks, alphas;
  bool plain = true;
  for (const Adapter::Layers& layers : adapter.parts) {
    for (const auto& [path, change] : layers) {
      plain = plain && change.IsPlainLora();
      const auto rank = RankOf(change);
      if (!rank) continue;
      ranks.insert(static_cast<double>(*rank));
      alphas.insert(AlphaOf(change.scale, *rank));
    }
  }
  metadata["ss_network_module"] = plain ? "networks.lora" : "lycoris.kohya";
  if (ranks.empty()) return;
  metadata["ss_network_dim"] = Common(ranks);
  metadata["ss_network_alpha"] = Common(alphas);
}

// By kohya's programs and LyCORIS. A norm's difference is a vector.
std::string EndingOf(AdapterRole role, const LayerChange& change) {
  using enum AdapterRole;
  static const auto* const endings = new std::map<AdapterRole, std::string>{
      {kDown, "lora_down.weight"}, {kUp, "lora_up.weight"},   {kMid, "lora_mid.weight"},
      {kHadaW1A, "hada_w1_a"},     {kHadaW1B, "hada_w1_b"},   {kHadaW2A, "hada_w2_a"},
      {kHadaW2B, "hada_w2_b"},     {kHadaT1, "hada_t1"},      {kHadaT2, "hada_t2"},
      {kLokrW1, "lokr_w1"},        {kLokrW1A, "lokr_w1_a"},   {kLokrW1B, "lokr_w1_b"},
      {kLokrW2, "lokr_w2"},        {kLokrW2A, "lokr_w2_a"},   {kLokrW2B, "lokr_w2_b"},
      {kLokrT2, "lokr_t2"},        {kMagnitude, "dora_scale"}};
  const bool norm = change.Has(kDiff) && change.at(kDiff).dim() == 1;
  if (role == kDiff) return norm ? "w_norm" : "diff";
  if (role == kDiffOfBias) return norm ? "b_norm" : "diff_b";
  return endings->at(role);
}

// [outputs] of peft's magnitudes is [outputs,1,...] of LyCORIS'.
at::Tensor AsLycorisHasIt(AdapterRole role, const LayerChange& change) {
  const at::Tensor tensor = change.at(role).detach();
  if (role != AdapterRole::kMagnitude || tensor.dim() != 1 || !change.Has(AdapterRole::kDown))
    return tensor;
  std::vector<int64_t> shape(static_cast<size_t>(change.at(AdapterRole::kDown).dim()), 1);
  shape[0] = tensor.size(0);
  return tensor.reshape(shape);
}

// float32, unless that changes it.
at::Tensor AlphaTensor(double alpha) {
  const bool exact = static_cast<double>(static_cast<float>(alpha)) == alpha;
  return at::full({}, alpha, exact ? at::kFloat : at::kDouble);
}

std::map<std::string, at::Tensor> KohyaTensors(const Adapter& adapter,
                                               const std::vector<std::string>& paths) {
  constexpr std::array<const char*, kAdapterParts> kFronts = {"lora_unet_", "lora_te1_",
                                                              "lora_te2_"};
  const SgmUNetPlaces places(paths);
  std::map<std::string, at::Tensor> tensors;
  for (size_t part = 0; part < adapter.parts.size(); ++part) {
    for (const auto& [path, change] : adapter.parts.at(part)) {
      const std::string own = part == 0 ? places.Of(path).value_or(path) : path;
      const std::string stem =
          absl::StrCat(kFronts.at(part), absl::StrReplaceAll(own, {{".", "_"}}), ".");
      for (const auto& [role, item] : change.items)
        tensors[stem + EndingOf(role, change)] = AsLycorisHasIt(role, change);
      if (const auto rank = RankOf(change))
        tensors[stem + "alpha"] = AlphaTensor(AlphaOf(change.scale, *rank));
    }
  }
  return tensors;
}

// Of the file with the ss_* alone.
absl::Status AddHashes(const std::string& path, Metadata& metadata) {
  const auto bytes = ReadFile(path, std::numeric_limits<int64_t>::max());
  if (!bytes.ok()) return bytes.status();
  const std::string_view file = *bytes;
  uint64_t header = 0;  // little-endian, as safetensors has it
  std::memcpy(&header, file.data(), sizeof header);
  const std::string hash = Sha256OfText(file.substr(sizeof header + header));
  constexpr size_t kLegacyBegin = 0x100000, kLegacySize = 0x10000;
  const std::string_view legacy =
      file.size() > kLegacyBegin ? file.substr(kLegacyBegin, kLegacySize) : std::string_view();
  metadata["sshs_model_hash"] = hash;
  metadata["sshs_legacy_hash"] = Sha256OfText(legacy).substr(0, 8);
  metadata["modelspec.hash_sha256"] = "0x" + hash;
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteKohyaAdapter(const std::string& path, const Adapter& adapter,
                               const std::vector<std::string>& paths, Metadata metadata) {
  const std::map<std::string, at::Tensor> tensors = KohyaTensors(adapter, paths);
  AddNetwork(adapter, metadata);
  Metadata training;
  for (const auto& [key, value] : metadata) {
    if (key.starts_with("ss_")) training[key] = value;
  }
  if (absl::Status written = WriteSafetensors(path, tensors, training); !written.ok())
    return written;
  if (absl::Status hashed = AddHashes(path, metadata); !hashed.ok()) return hashed;
  return WriteSafetensors(path, tensors, metadata);
}

absl::Status WriteKohyaLora(const std::string& path, const LoraAdapter& adapter,
                            const std::vector<std::string>& paths, Metadata metadata) {
  Adapter whole{.source = adapter.source, .parts = {}};
  for (const auto& [layer_path, layer] : adapter.layers) {
    LayerChange& change = whole.parts.at(0)[layer_path];
    change.items[AdapterRole::kDown] = {layer.a.detach().to(at::kFloat), layer_path};
    change.items[AdapterRole::kUp] = {layer.b.detach().to(at::kFloat), layer_path};
    change.scale = layer.scale;
  }
  return WriteKohyaAdapter(path, whole, paths, std::move(metadata));
}

}  // namespace draftp
