#include "draftp/sdxl/unused_tensors.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "draftp/checkpoint/tensor_file.h"
#include "draftp/io/count.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

using TakenOfFiles = std::map<std::string, std::set<std::string>>;

void AddTaken(const WeightOrigin& origin, TakenOfFiles& all) {
  for (const std::string& file : origin.files) {
    if (!absl::EndsWith(file, ".json")) all[file];
  }
  for (const auto& [file, names] : origin.taken) all[file].insert(names.begin(), names.end());
}

// Whether `name` is of a part of a single file from which nothing was taken: another file stands in
// for that part.
bool IsOfPartNotTaken(const std::string& name, const std::set<std::string>& taken) {
  static constexpr std::array kParts = {"model.diffusion_model.",  "diffusion_model.",
                                        "first_stage_model.",      "vae.",
                                        "conditioner.embedders.0", "conditioner.embedders.1"};
  const auto part = std::ranges::find_if(
      kParts, [&name](const char* prefix) { return absl::StartsWith(name, prefix); });
  if (part == kParts.end()) return false;
  const auto first = taken.lower_bound(*part);
  return first == taken.end() || !absl::StartsWith(*first, *part);
}

// `FILE: 3 tensors (a, b and 1 more)`; empty where each is taken or expected.
std::string LeftIn(const std::string& file, const std::set<std::string>& taken) {
  constexpr size_t kNamed = 4;
  const auto opened = OpenTensorFile(file);
  if (!opened.ok()) return "";  // replaced since it was loaded
  std::vector<std::string> left;
  for (const std::string& name : (*opened)->names()) {
    const bool known =
        taken.contains(name) || IsExpectedBeside(name) || IsOfPartNotTaken(name, taken);
    if (!known) left.push_back(Printable(name));
  }
  if (left.empty()) return "";
  const auto count = static_cast<int64_t>(left.size());
  const size_t more = left.size() - std::min(kNamed, left.size());
  left.resize(left.size() - more);
  return absl::StrCat(Printable(file, 4096), ": ", Count(count, "tensor"), " (",
                      absl::StrJoin(left, ", "),
                      more > 0 ? absl::StrCat(" and ", more, " more") : "", ")");
}

}  // namespace

bool IsExpectedBeside(absl::string_view name) {
  static constexpr std::array kBegins = {"model_ema.",
                                         "encoder.",
                                         "first_stage_model.encoder.",
                                         "vae.encoder.",
                                         "quant_conv.",
                                         "loss.",
                                         "first_stage_model.quant_conv.",
                                         "vae.quant_conv.",
                                         "posterior_",
                                         "sqrt_",
                                         "first_stage_model.loss.",
                                         "vae.loss.",
                                         "alphas_cumprod",
                                         "log_one_minus_alphas_cumprod"};
  static constexpr std::array kWhole = {"betas",  "v_pred",       "ztsnr",  "lvlb_weights",
                                        "logvar", "scale_factor", "sigmas", "denoiser.sigmas"};
  static constexpr std::array kEnds = {"position_ids", "logit_scale",   "text_projection.weight",
                                       "scaled_fp8",   ".scale_weight", ".scale_input",
                                       ".input_scale", ".weight_scale", ".comfy_quant"};
  const auto begins = [name](const char* text) { return absl::StartsWith(name, text); };
  const auto ends = [name](const char* text) { return absl::EndsWith(name, text); };
  if (absl::StartsWith(name, "encoder.layers.")) return false;  // a text encoder's
  return std::ranges::any_of(kBegins, begins) || std::ranges::any_of(kEnds, ends) ||
         std::ranges::find(kWhole, name) != kWhole.end();
}

std::string UnusedTensorsNotice(const SdxlModel& model) {
  TakenOfFiles taken;
  for (const WeightOrigin* origin : model.LatentOrigins()) AddTaken(*origin, taken);
  if (model.vae.origin != nullptr) AddTaken(*model.vae.origin, taken);
  std::vector<std::string> left;
  for (const auto& [file, names] : taken) {
    if (std::string text = LeftIn(file, names); !text.empty()) left.push_back(std::move(text));
  }
  if (left.empty()) return "";
  return absl::StrCat("left alone what the model has no place for: ", absl::StrJoin(left, "; "));
}

}  // namespace draftp
