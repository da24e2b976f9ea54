#include "draftp/checkpoint/single_file_layout.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/checkpoint/fp8_scales.h"
#include "draftp/checkpoint/open_clip_layout.h"
#include "draftp/checkpoint/sdxl_sizes.h"
#include "draftp/checkpoint/sgm_names.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr char kClipL[] = "conditioner.embedders.0.transformer.";
constexpr char kBigG[] = "conditioner.embedders.1.model.";

bool Has(const WeightMap& weights, const std::string& name, size_t dimensions) {
  if (!weights.Contains(name)) return false;
  const auto shape = weights.Shape(name);
  return shape.ok() && shape->size() == dimensions;
}

// The first of `prefixes` behind which the file has the tensor `name`.
std::optional<std::string> PrefixOf(const WeightMap& weights, const std::string& name,
                                    size_t dimensions, std::span<const char* const> prefixes) {
  for (const char* prefix : prefixes) {
    if (Has(weights, prefix + name, dimensions)) return prefix;
  }
  return std::nullopt;
}

std::optional<std::string> UNetPrefix(const WeightMap& weights) {
  static constexpr std::array kPrefixes = {"model.diffusion_model.", "diffusion_model.", ""};
  return PrefixOf(weights, "input_blocks.0.0.weight", 4, kPrefixes);
}

std::optional<std::string> VaePrefix(const WeightMap& weights) {
  static constexpr std::array kPrefixes = {"first_stage_model.", "vae.", ""};
  return PrefixOf(weights, "decoder.up.0.block.0.conv1.weight", 4, kPrefixes);
}

bool HasClipL(const WeightMap& weights) {
  return Has(weights, absl::StrCat(kClipL, "text_model.embeddings.token_embedding.weight"), 2);
}

bool HasBigG(const WeightMap& weights) {
  return Has(weights, absl::StrCat(kBigG, "token_embedding.weight"), 2);
}

std::vector<Renaming> ClipLNames(const WeightMap& weights) {
  std::vector<Renaming> names;
  for (const std::string& name : weights.names()) {
    // Of CLIP-L SDXL takes no projection, which ComfyUI's older files have.
    const bool buffer =
        absl::EndsWith(name, ".position_ids") || absl::EndsWith(name, ".text_projection.weight");
    names.push_back({name, buffer ? "" : name.substr(sizeof(kClipL) - 1)});
  }
  return names;
}

std::vector<Renaming> BigGNames(const WeightMap& weights) {
  std::vector<Renaming> names = OpenClipTextNames(weights, kBigG);
  names.push_back({absl::StrCat(kBigG, "logit_scale"), ""});
  // A linear layer's own weight, as some converters leave it, is [out,in] already.
  const std::string linear = absl::StrCat(kBigG, "text_projection.weight");
  if (weights.Contains(linear)) {
    std::erase_if(names, [](const Renaming& one) { return one.to == "text_projection.weight"; });
    names.push_back({linear, "text_projection.weight"});
  }
  return names;
}

// How a part's names begin, behind its prefix.
using Roots = std::initializer_list<const char*>;

// The part whose tensors begin with `prefix`, by `names` of them. What else stands behind the
// prefix, such as an LCM's time_embedding.cond_proj, is left alone.
template <class Names>
absl::Status AddPart(WeightMap& weights, ModelPart part, const std::string& prefix, Roots roots,
                     Names&& names, std::vector<LayoutPart>& parts) {
  std::vector<std::string> begins;
  for (const char* root : roots) begins.push_back(absl::StrCat(prefix, root));
  absl::StatusOr<WeightMap> own = TakeFp8Scales(weights.Extract(begins));
  if (!own.ok()) return own.status();
  const std::vector<Renaming> renamings = names(*own, prefix);
  absl::StatusOr<WeightMap> renamed = std::move(*own).Rename(renamings);
  if (!renamed.ok()) return renamed.status();
  parts.push_back({part, *std::move(renamed)});
  return absl::OkStatus();
}

}  // namespace

std::vector<ModelPart> SingleFileLayout::Sees(const WeightMap& weights) {
  std::vector<ModelPart> seen;
  if (UNetPrefix(weights)) seen.push_back(ModelPart::kUNet);
  if (VaePrefix(weights)) seen.push_back(ModelPart::kVae);
  if (HasClipL(weights)) seen.push_back(ModelPart::kTextEncoder);
  if (HasBigG(weights)) seen.push_back(ModelPart::kTextEncoder2);
  return seen;
}

absl::StatusOr<std::vector<LayoutPart>> SingleFileLayout::Parts(WeightMap weights) {
  std::vector<LayoutPart> parts;
  const auto unet = UNetPrefix(weights), vae = VaePrefix(weights);
  const bool clip_l = HasClipL(weights), big_g = HasBigG(weights);
  absl::Status added;
  if (unet) {
    added = AddPart(
        weights, ModelPart::kUNet, *unet,
        {"time_embed.", "label_emb.", "input_blocks.", "middle_block.", "output_blocks.", "out."},
        SgmUNetNames, parts);
  }
  if (added.ok() && vae) {
    added =
        AddPart(weights, ModelPart::kVae, *vae,
                {"encoder.", "decoder.", "quant_conv.", "post_quant_conv."}, LdmVaeNames, parts);
  }
  if (added.ok() && clip_l) {
    added = AddPart(
        weights, ModelPart::kTextEncoder, kClipL, {"text_model."},
        [](const WeightMap& own, const std::string&) { return ClipLNames(own); }, parts);
  }
  if (added.ok() && big_g) {
    added = AddPart(
        weights, ModelPart::kTextEncoder2, kBigG,
        {"token_embedding.", "positional_embedding", "transformer.", "ln_final.", "text_projection",
         "logit_scale"},
        [](const WeightMap& own, const std::string&) { return BigGNames(own); }, parts);
  }
  if (!added.ok()) return added;
  return parts;
}

namespace {

// What kConfigKey has under `name`; null where the file has none.
absl::StatusOr<nlohmann::json> OwnConfig(const WeightMap& weights, const std::string& name) {
  const auto found = weights.metadata().find(SingleFileLayout::kConfigKey);
  if (found == weights.metadata().end()) return nlohmann::json();
  const std::string source = absl::StrCat(Printable(weights.sources().front(), 4096),
                                          ": __metadata__: ", SingleFileLayout::kConfigKey);
  absl::StatusOr<nlohmann::json> configs = ParseJson(source, found->second);
  if (!configs.ok()) return configs.status();
  if (!configs->is_object() || (configs->contains(name) && !configs->at(name).is_object())) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": found another value, expected an object of configs by part"));
  }
  return configs->value(name, nlohmann::json());
}

absl::StatusOr<nlohmann::json> SizesOf(const LayoutPart& part) {
  if (part.part == ModelPart::kUNet) return UNetSizes(part.weights);
  if (part.part == ModelPart::kVae) return VaeSizes(part.weights);
  return SdxlTextSizes(part.weights, part.part == ModelPart::kTextEncoder2);
}

}  // namespace

absl::StatusOr<PartConfig> SingleFileLayout::Config(const LayoutPart& part, const std::string&) {
  const std::string name = PartFolder(part.part);
  const std::string file = Printable(part.weights.sources().front(), 4096);
  absl::StatusOr<nlohmann::json> own = OwnConfig(part.weights, name);
  if (!own.ok()) return own.status();
  if (own->is_object())
    return PartConfig{.model = JsonReader(absl::StrCat(file, ": ", kConfigKey, ": ", name), *own)};
  absl::StatusOr<nlohmann::json> sizes = SizesOf(part);
  if (!sizes.ok()) return sizes.status();
  return PartConfig{
      .model = JsonReader(absl::StrCat(file, ": shapes of the ", std::string(PartName(part.part))),
                          *std::move(sizes))};
}

absl::StatusOr<JsonReader> SingleFilePipeline(const WeightMap& weights) {
  absl::StatusOr<nlohmann::json> own = OwnConfig(weights, "pipeline");
  if (!own.ok()) return own.status();
  return JsonReader(absl::StrCat(Printable(weights.sources().front(), 4096), ": ",
                                 SingleFileLayout::kConfigKey, ": pipeline"),
                    own->is_object() ? *own : nlohmann::json::object());
}

absl::StatusOr<JsonReader> SingleFileScheduler(const WeightMap& weights) {
  const std::string file = Printable(weights.sources().front(), 4096);
  for (const char* key : {"edm_mean", "edm_std", "edm_vpred.sigma_max", "edm_vpred.sigma_min"}) {
    if (!weights.Contains(key)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        file, ": found tensor \"", key,
        "\", which marks EDM preconditioning (Playground 2.5, CosXL), expected a model of "
        "epsilon or v prediction on SDXL's betas"));
  }
  absl::StatusOr<nlohmann::json> own = OwnConfig(weights, "scheduler");
  if (!own.ok()) return own.status();
  if (own->is_object())
    return JsonReader(absl::StrCat(file, ": ", SingleFileLayout::kConfigKey, ": scheduler"), *own);
  const auto says_v = [&weights](const char* key) {
    const auto found = weights.metadata().find(key);
    return found != weights.metadata().end() &&
           (found->second == "v" || found->second == "v_prediction");
  };
  const bool v = weights.Contains("v_pred") || says_v("modelspec.prediction_type") ||
                 says_v("modelspec.predict_key");
  return JsonReader(absl::StrCat(file, ": what its marks say"),
                    {{"_class_name", "EulerDiscreteScheduler"},
                     {"beta_end", 0.012},
                     {"beta_schedule", "scaled_linear"},
                     {"beta_start", 0.00085},
                     {"num_train_timesteps", 1000},
                     {"prediction_type", v ? "v_prediction" : "epsilon"},
                     {"rescale_betas_zero_snr", weights.Contains("ztsnr")},
                     {"steps_offset", 1},
                     {"timestep_spacing", "leading"}});
}

}  // namespace draftp
