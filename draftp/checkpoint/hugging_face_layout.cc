#include "draftp/checkpoint/hugging_face_layout.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr std::string_view kTextPrefix = "text_model.";
constexpr std::string_view kTokens = "embeddings.token_embedding.weight";

bool Has(const WeightMap& weights, std::string_view name, size_t dimensions) {
  if (!weights.Contains(std::string(name))) return false;
  const auto shape = weights.Shape(std::string(name));
  return shape.ok() && shape->size() == dimensions;
}

struct Renamed {
  std::string_view before, now;
};
constexpr std::array<Renamed, 4> kAttention = {{{".query.", ".to_q."},
                                                {".key.", ".to_k."},
                                                {".value.", ".to_v."},
                                                {".proj_attn.", ".to_out.0."}}};

// The view of a VAE's attention under today's name; the same name and the whole tensor where that
// is what the file has.
Renaming VaeAttention(const WeightMap& weights, const std::string& name) {
  Renaming renaming{.from = name, .to = name};
  for (const auto& [before, now] : kAttention) {
    const size_t at = name.rfind(before);
    if (at != std::string::npos) {
      renaming.to =
          absl::StrCat(name.substr(0, at), std::string(now), name.substr(at + before.size()));
    }
  }
  const bool projects =
      absl::EndsWith(name, ".weight") && std::ranges::any_of(kAttention, [&](const Renamed& one) {
        return absl::StrContains(renaming.to, std::string(one.now));
      });
  renaming.view.flat = projects && Has(weights, name, 4);
  return renaming;
}

}  // namespace

std::vector<ModelPart> HuggingFaceLayout::Sees(const WeightMap& weights) {
  std::vector<ModelPart> seen;
  if (Has(weights, "conv_in.weight", 4) && Has(weights, "time_embedding.linear_1.weight", 2))
    seen.push_back(ModelPart::kUNet);
  if (Has(weights, "decoder.conv_in.weight", 4) && Has(weights, "decoder.conv_norm_out.weight", 1))
    seen.push_back(ModelPart::kVae);
  const bool text = Has(weights, absl::StrCat(std::string(kTextPrefix), std::string(kTokens)), 2) ||
                    Has(weights, kTokens, 2);
  const bool image = Has(weights, "vision_model.embeddings.patch_embedding.weight", 4);
  if (text || image) {
    seen.push_back(text && image ? ModelPart::kClip
                   : text        ? ModelPart::kTextEncoder
                                 : ModelPart::kImageEncoder);
  }
  return seen;
}

absl::StatusOr<WeightMap> HuggingFaceLayout::TodaysNames(WeightMap weights) {
  const bool bare_text = weights.Contains(std::string(kTokens));
  std::vector<Renaming> renamings;
  for (const std::string& name : weights.names()) {
    if (absl::EndsWith(name, "embeddings.position_ids")) {
      renamings.push_back({.from = name, .to = ""});
    } else if (bare_text && (absl::StartsWith(name, "embeddings.") ||
                             absl::StartsWith(name, "encoder.layers.") ||
                             absl::StartsWith(name, "final_layer_norm."))) {
      renamings.push_back({.from = name, .to = absl::StrCat(std::string(kTextPrefix), name)});
    } else if (absl::StrContains(name, "mid_block.attentions.") &&
               (absl::StartsWith(name, "decoder.") || absl::StartsWith(name, "encoder."))) {
      renamings.push_back(VaeAttention(weights, name));
    }
  }
  return std::move(weights).Rename(renamings);
}

absl::StatusOr<std::vector<LayoutPart>> HuggingFaceLayout::Parts(WeightMap weights) {
  const std::vector<ModelPart> seen = Sees(weights);
  if (seen.size() != 1) {
    const std::string found = seen.empty()
                                  ? "no part that diffusers or transformers know"
                                  : absl::StrCat("tensors of a ", std::string(PartName(seen[0])),
                                                 " and of a ", std::string(PartName(seen[1])));
    return absl::InvalidArgumentError(absl::StrCat(Printable(weights.sources().front(), 4096),
                                                   ": found ", found,
                                                   ", expected one part a file"));
  }
  absl::StatusOr<WeightMap> named = TodaysNames(std::move(weights));
  if (!named.ok()) return named.status();
  std::vector<LayoutPart> parts;
  parts.push_back({seen.front(), *std::move(named)});
  return parts;
}

absl::StatusOr<PartConfig> HuggingFaceLayout::Config(const LayoutPart&, const std::string& folder) {
  absl::StatusOr<JsonReader> json = JsonReader::Open(folder + "/config.json");
  if (!json.ok()) return json.status();
  return PartConfig{.model = *std::move(json)};
}

}  // namespace draftp
