#include "draftp/checkpoint/fp8_scales.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

bool EndsWithOneOf(const std::string& name, std::initializer_list<const char*> ends) {
  for (const char* end : ends) {
    if (absl::EndsWith(name, end)) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<WeightMap> TakeFp8Scales(WeightMap weights) {
  std::vector<Renaming> left_out;
  for (const std::string& name : weights.names()) {
    if (EndsWithOneOf(name, {".weight_scale_2", ".pre_quant_scale", ".weight_zero_point"})) {
      return absl::InvalidArgumentError(
          absl::StrCat(Printable(weights.sources().front(), 4096), ": found tensor ", Quoted(name),
                       " of a quantisation, expected plain weights or fp8 with one scale a layer"));
    }
    const bool scale = EndsWithOneOf(name, {".scale_weight", ".weight_scale"});
    if (scale) {
      const std::string layer = name.substr(0, name.rfind('.'));
      const absl::Status scaled = weights.Scale(layer + ".weight", name);
      if (!scaled.ok()) return scaled;
    }
    if (scale ||
        EndsWithOneOf(name, {".scale_input", ".input_scale", "scaled_fp8", ".comfy_quant"}))
      left_out.push_back({name, ""});
  }
  if (left_out.empty()) return weights;
  return std::move(weights).Rename(left_out);
}

}  // namespace draftp
