#include "draftp/adapter/kohya_writer.h"

#include <ATen/ops/full.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <set>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
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

void AddNetwork(const LoraAdapter& adapter, Metadata& metadata) {
  std::set<double> ranks, alphas;
  for (const auto& [path, layer] : adapter.layers) {
    ranks.insert(static_cast<double>(layer.rank()));
    alphas.insert(layer.scale * static_cast<double>(layer.rank()));
  }
  metadata["ss_network_module"] = "networks.lora";
  metadata["ss_network_dim"] = Common(ranks);
  metadata["ss_network_alpha"] = Common(alphas);
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

absl::Status WriteKohyaLora(const std::string& path, const LoraAdapter& adapter,
                            const std::vector<std::string>& paths, Metadata metadata) {
  const SgmUNetPlaces places(paths);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [layer_path, layer] : adapter.layers) {
    const std::string sgm = places.Of(layer_path).value_or(layer_path);
    const std::string stem = absl::StrCat("lora_unet_", absl::StrReplaceAll(sgm, {{".", "_"}}));
    tensors[stem + ".lora_down.weight"] = layer.a.detach().to(at::kFloat);
    tensors[stem + ".lora_up.weight"] = layer.b.detach().to(at::kFloat);
    tensors[stem + ".alpha"] =
        at::full({}, layer.scale * static_cast<double>(layer.rank()), at::kFloat);
  }
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

}  // namespace draftp
