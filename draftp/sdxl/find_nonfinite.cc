#include "draftp/sdxl/find_nonfinite.h"

#include <ATen/ops/isfinite.h>
#include <ATen/ops/isnan.h>
#include <absl/strings/str_cat.h>

#include "draftp/checkpoint/tensor_file.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

std::string Overflow(const at::Tensor& weight) {
  return absl::StrCat("all weights are finite, so values overflowed in ",
                      weight.scalar_type() == at::kBFloat16 ? "bfloat16" : "float32");
}

// "holds NaN" or "holds infinity"; none for a tensor that is finite.
std::optional<std::string> Holds(const at::Tensor& tensor) {
  const at::Tensor values = tensor.to(at::kFloat);
  if (at::isfinite(values).all().item<bool>()) return std::nullopt;
  return at::isnan(values).any().item<bool>() ? "holds NaN" : "holds infinity";
}

}  // namespace

std::optional<std::string> FindNonfinite(const std::vector<const WeightOrigin*>& origins) {
  for (const WeightOrigin* origin : origins) {
    for (const auto& [path, names] : origin->taken) {
      const auto file = OpenTensorFile(path);
      if (!file.ok()) return std::string(file.status().message());
      for (const std::string& name : names) {
        const auto tensor = (*file)->Tensor(name);
        if (!tensor.ok()) return std::string(tensor.status().message());
        const std::optional<std::string> holds = Holds(*tensor);
        if (holds)
          return absl::StrCat(Printable(path, 1000), ": tensor ", Quoted(name), " ", *holds);
      }
    }
  }
  return std::nullopt;
}

std::string WhyLatentsAreNotFinite(const SdxlModel& model) {
  return FindNonfinite(model.LatentOrigins()).value_or(Overflow(model.unet.conv_norm_out.weight));
}

std::string WhyPicturesAreNotFinite(const SdxlModel& model) {
  const WeightOrigin* const origin = model.vae.origin.get();
  return FindNonfinite(origin == nullptr ? std::vector<const WeightOrigin*>{} : std::vector{origin})
      .value_or(Overflow(model.vae.norm_out.weight));
}

}  // namespace draftp
