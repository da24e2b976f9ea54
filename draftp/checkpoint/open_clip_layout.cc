#include "draftp/checkpoint/open_clip_layout.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "draftp/checkpoint/clip_sizes.h"
#include "draftp/checkpoint/open_clip_config.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr char kBlocks[] = "transformer.resblocks.";

// Both tensors of a layer.
void AddLayer(const std::string& from, const std::string& to, std::vector<Renaming>& names) {
  for (const char* tensor : {".weight", ".bias"}) names.push_back({from + tensor, to + tensor});
}

void AddBlocks(const WeightMap& weights, const std::string& from, const std::string& to,
               std::vector<Renaming>& names) {
  for (int64_t i = 0; weights.Contains(absl::StrCat(from, kBlocks, i, ".ln_1.weight")); ++i) {
    const std::string here = absl::StrCat(from, kBlocks, i);
    const std::string there = absl::StrCat(to, ".encoder.layers.", i);
    AddLayer(here + ".ln_1", there + ".layer_norm1", names);
    AddLayer(here + ".ln_2", there + ".layer_norm2", names);
    AddLayer(here + ".attn.out_proj", there + ".self_attn.out_proj", names);
    AddLayer(here + ".mlp.c_fc", there + ".mlp.fc1", names);
    AddLayer(here + ".mlp.c_proj", there + ".mlp.fc2", names);
    constexpr const char* kParts[] = {"q", "k", "v"};
    for (int64_t part = 0; part < 3; ++part) {
      const std::string projection = absl::StrCat(there, ".self_attn.", kParts[part], "_proj.");
      for (const char* tensor : {"weight", "bias"}) {
        names.push_back({absl::StrCat(here, ".attn.in_proj_", tensor),
                         projection + tensor,
                         {.part = part, .parts = 3}});
      }
    }
  }
}

// transformers' names for the image tower; "pre_layrnorm" is their own spelling.
void AddImage(const WeightMap& weights, std::vector<Renaming>& names) {
  const std::string to = "vision_model";
  names.push_back({"visual.conv1.weight", to + ".embeddings.patch_embedding.weight"});
  names.push_back({"visual.class_embedding", to + ".embeddings.class_embedding"});
  names.push_back({"visual.positional_embedding", to + ".embeddings.position_embedding.weight"});
  AddLayer("visual.ln_pre", to + ".pre_layrnorm", names);
  AddBlocks(weights, "visual.", to, names);
  AddLayer("visual.ln_post", to + ".post_layernorm", names);
  names.push_back({"visual.proj", "visual_projection.weight", {.transposed = true}});
}

// The first tensor that no renaming takes is an error.
absl::Status CheckAllKnown(const WeightMap& weights, const std::vector<Renaming>& names) {
  std::vector<std::string> unknown = weights.names();
  std::vector<std::string> known = {"logit_scale"};
  for (const Renaming& renaming : names) known.push_back(renaming.from);
  std::ranges::sort(known);
  std::erase_if(unknown, [&](const auto& name) { return std::ranges::binary_search(known, name); });
  if (unknown.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(Printable(weights.sources().front(), 4096),
                                                 ": open_clip's CLIP has no place for tensor ",
                                                 Quoted(unknown[0]), ", one of ", unknown.size()));
}

}  // namespace

std::vector<Renaming> OpenClipTextNames(const WeightMap& weights, const std::string& prefix) {
  const std::string to = "text_model";
  std::vector<Renaming> names;
  names.push_back({prefix + "token_embedding.weight", to + ".embeddings.token_embedding.weight"});
  names.push_back({prefix + "positional_embedding", to + ".embeddings.position_embedding.weight"});
  AddBlocks(weights, prefix, to, names);
  AddLayer(prefix + "ln_final", to + ".final_layer_norm", names);
  names.push_back({prefix + "text_projection", "text_projection.weight", {.transposed = true}});
  names.push_back({prefix + "attn_mask", ""});  // a buffer that old files keep
  return names;
}

std::vector<ModelPart> OpenClipLayout::Sees(const WeightMap& weights) {
  const auto has = [&weights](const std::string& name, size_t dimensions) {
    return weights.Contains(name) && weights.Shape(name)->size() == dimensions;
  };
  if (!has("visual.conv1.weight", 4) || !has("token_embedding.weight", 2)) return {};
  return {ModelPart::kClip};
}

absl::StatusOr<std::vector<LayoutPart>> OpenClipLayout::Parts(WeightMap weights) {
  std::vector<Renaming> names = OpenClipTextNames(weights, "");
  AddImage(weights, names);
  if (absl::Status known = CheckAllKnown(weights, names); !known.ok()) return known;
  absl::StatusOr<WeightMap> renamed = std::move(weights).Rename(names);
  if (!renamed.ok()) return renamed.status();
  std::vector<LayoutPart> parts;
  parts.push_back({ModelPart::kClip, *std::move(renamed)});
  return parts;
}

absl::StatusOr<PartConfig> OpenClipLayout::Config(const LayoutPart& part,
                                                  const std::string& folder) {
  absl::StatusOr<nlohmann::json> image = ClipImageSizes(part.weights);
  if (!image.ok()) return image.status();
  absl::StatusOr<nlohmann::json> text = ClipTextSizes(part.weights);
  if (!text.ok()) return text.status();
  return OpenClipConfig(part.weights.sources().front(), *std::move(text), *std::move(image),
                        folder);
}

}  // namespace draftp
