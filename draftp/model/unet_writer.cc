#include "draftp/model/unet_writer.h"

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

// Every tensor under its name and in its shape of a diffusers checkpoint; undefined ones of packed
// layers too.
Tensors CheckpointTensors(const UNet& unet) {
  Tensors tensors;
  VisitWeights(unet, [&tensors]<class W>(const std::string& name, const W& layer) {
    at::Tensor& weight = tensors[name + ".weight"] = layer.weight;
    if constexpr (requires { layer.pointwise_convolution; }) {
      if (layer.pointwise_convolution && weight.defined()) {
        weight = weight.unsqueeze(-1).unsqueeze(-1);
      }
    }
    if (layer.bias.defined()) tensors[name + ".bias"] = layer.bias;
  });
  return tensors;
}

std::string Shape(const Tensors& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  if (found == tensors.end() || !found->second.defined()) return "nothing";
  return absl::StrCat("[", absl::StrJoin(found->second.sizes(), ","), "]");
}

// Whether a UNet of this config has these tensors.
absl::Status CheckConfig(const std::string& path, const std::string& config_json,
                         const Tensors& tensors) {
  absl::StatusOr<nlohmann::json> json = ParseJson(path, config_json);
  if (!json.ok()) return json.status();
  const absl::StatusOr<UNetConfig> config = ParseUNetConfig(JsonReader(path, *std::move(json)));
  if (!config.ok()) return config.status();
  const Tensors expected = CheckpointTensors(UNet::Skeleton(*config));
  Tensors names = tensors;
  names.insert(expected.begin(), expected.end());
  for (const auto& [name, tensor] : names) {
    if (Shape(tensors, name) == Shape(expected, name)) continue;
    return absl::InvalidArgumentError(absl::StrCat(Printable(path, 4096), ": ", name, ": found ",
                                                   Shape(tensors, name), " in the UNet, expected ",
                                                   Shape(expected, name), " of this config"));
  }
  return absl::OkStatus();
}

absl::Status CannotWrite(const std::string& path, const std::error_code& error) {
  return absl::ErrnoToStatus(error.value(), absl::StrCat(Printable(path, 4096), ": can't write"));
}

// Files are removed unless Keep() is called, and then the folder, if it was made here.
class NewFolder {
 public:
  explicit NewFolder(std::string dir) : dir_(std::move(dir)) {}
  ~NewFolder() {
    std::error_code ignored;
    if (kept_) return;
    if (!weights_.empty()) std::filesystem::remove(weights_, ignored);
    if (made_) std::filesystem::remove(dir_, ignored);
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  absl::Status Make() {
    std::error_code error;
    made_ = std::filesystem::create_directory(dir_, error);
    return error ? CannotWrite(dir_, error) : absl::OkStatus();
  }
  void WithoutConfig(const std::string& weights) { weights_ = weights; }
  void Keep() { kept_ = true; }

 private:
  std::string dir_;
  std::string weights_;  // no UNet without its config
  bool made_ = false;
  bool kept_ = false;
};

}  // namespace

absl::Status WriteUNet(const std::string& dir, const UNet& unet, const std::string& config_json,
                       at::ScalarType dtype) {
  const std::string config = dir + "/config.json",
                    weights = dir + "/diffusion_pytorch_model.safetensors";
  Tensors tensors = CheckpointTensors(unet);
  if (absl::Status status = CheckConfig(config, config_json, tensors); !status.ok()) return status;
  NewFolder folder(dir);
  if (absl::Status status = folder.Make(); !status.ok()) return status;
  const absl::StatusOr<std::string> former = ReadFile(config, kMaxConfigBytes);
  const bool same = former.ok() && *former == config_json;
  if (!same) {
    std::error_code error;
    if (std::filesystem::remove(config, error); error) return CannotWrite(config, error);
    folder.WithoutConfig(weights);
  }
  for (auto& [name, tensor] : tensors) tensor = tensor.detach().to(dtype);
  if (absl::Status status = WriteSafetensors(weights, tensors, {{"format", "pt"}}); !status.ok()) {
    return status;
  }
  if (!same) {
    if (absl::Status status = WriteFileAtomically(config, config_json); !status.ok()) return status;
  }
  folder.Keep();
  return absl::OkStatus();
}

}  // namespace draftp
