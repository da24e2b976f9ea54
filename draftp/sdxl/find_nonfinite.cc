#include "draftp/sdxl/find_nonfinite.h"

#include <ATen/ops/isfinite.h>
#include <ATen/ops/isnan.h>
#include <absl/strings/str_cat.h>

#include <filesystem>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr char kSafetensors[] = ".safetensors";

// Those of the decoder's folder, or all but those.
std::vector<std::string> FilesOf(const SdxlModel& model, bool decoder) {
  std::vector<std::string> files;
  for (const std::string& file : model.weight_files) {
    if ((std::filesystem::path(file).parent_path().filename() == "vae") == decoder)
      files.push_back(file);
  }
  return files;
}

std::string Overflow(const at::Tensor& weight) {
  return absl::StrCat("all weights are finite, so values overflowed in ",
                      weight.scalar_type() == at::kBFloat16 ? "bfloat16" : "float32");
}

}  // namespace

std::optional<std::string> FindNonfinite(
    const std::vector<std::string>& files,
    const std::function<bool(const std::string& name)>& counts) {
  for (const std::string& path : files) {
    if (!path.ends_with(kSafetensors)) continue;  // an index of shards
    const auto file = SafetensorsFile::Open(path);
    if (!file.ok()) return std::string(file.status().message());
    for (const std::string& name : (*file)->names()) {
      if (counts && !counts(name)) continue;
      const auto tensor = (*file)->Tensor(name);
      if (!tensor.ok()) return std::string(tensor.status().message());
      const at::Tensor values = tensor->to(at::kFloat);
      if (at::isfinite(values).all().item<bool>()) continue;
      return absl::StrCat(Printable(path, 1000), ": tensor ", Quoted(name), " holds ",
                          at::isnan(values).any().item<bool>() ? "NaN" : "infinity");
    }
  }
  return std::nullopt;
}

std::string WhyLatentsAreNotFinite(const SdxlModel& model) {
  return FindNonfinite(FilesOf(model, /*decoder=*/false))
      .value_or(Overflow(model.unet.conv_norm_out.weight));
}

std::string WhyPicturesAreNotFinite(const SdxlModel& model) {
  const auto decodes = [](const std::string& name) {
    return !name.starts_with("encoder.") && !name.starts_with("quant_conv.");
  };
  return FindNonfinite(FilesOf(model, /*decoder=*/true), decodes)
      .value_or(Overflow(model.vae.norm_out.weight));
}

}  // namespace draftp
