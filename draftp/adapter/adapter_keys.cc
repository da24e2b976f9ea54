#include "draftp/adapter/adapter_keys.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "draftp/checkpoint/sgm_names.h"
#include "draftp/io/nearest_name.h"

namespace draftp {
namespace {

using enum AdapterPart;

struct Pair {
  const char *from, *to;
};

// A front of a stem, and the part whose path follows.
struct Front {
  std::string_view text;
  AdapterPart part;
};

// A longer one stands before its own beginning.
constexpr std::array<Front, 14> kFronts = {{
    {"lora_unet_", kUNet},
    {"lycoris_", kUNet},
    {"lora_te1_", kTextEncoder},
    {"lora_te2_", kTextEncoder2},
    {"lora_te_", kTextEncoder},
    {"unet_", kUNet},
    {"text_encoder_2_", kTextEncoder2},
    {"text_encoder_", kTextEncoder},
    {"model_diffusion_model_", kUNet},
    {"diffusion_model_", kUNet},
    {"text_encoders_clip_l_transformer_", kTextEncoder},
    {"text_encoders_clip_g_transformer_", kTextEncoder2},
    {"clip_l_transformer_", kTextEncoder},
    {"clip_g_transformer_", kTextEncoder2},
}};

constexpr std::string_view kPeftFront = "base_model_model_";

std::string Underscored(const std::string& path) { return absl::StrReplaceAll(path, {{".", "_"}}); }

bool TakeFront(std::string_view front, std::string& text) {
  if (!text.starts_with(front)) return false;
  text.erase(0, front.size());
  return true;
}

// The spellings of a text encoder's path beside transformers' own.
std::vector<std::string> TextSpellings(const std::string& path) {
  std::vector<std::string> spellings = {path};
  if (path.starts_with("text_model.")) spellings.push_back(path.substr(11));
  for (const auto& [end, old] :
       {Pair{"self_attn.q_proj", "self_attn.to_q"}, Pair{"self_attn.k_proj", "self_attn.to_k"},
        Pair{"self_attn.v_proj", "self_attn.to_v"},
        Pair{"self_attn.out_proj", "self_attn.to_out"}}) {
    if (!path.ends_with(end)) continue;
    const std::string front = path.substr(0, path.size() - std::string_view(end).size());
    spellings.push_back(absl::StrCat(front, old));
    if (path.starts_with("text_model.")) spellings.push_back(absl::StrCat(front.substr(11), old));
  }
  return spellings;
}

std::vector<std::string> UNetSpellings(const std::string& path, const SgmUNetPlaces& places) {
  std::vector<std::string> spellings = {path};
  if (const auto sgm = places.Of(path)) spellings.push_back(*sgm);
  for (size_t i = 0, count = spellings.size(); i < count; ++i) {
    // Attention processors' name for to_out.0.
    if (spellings[i].ends_with(".to_out.0"))
      spellings.push_back(spellings[i].substr(0, spellings[i].size() - 2));
  }
  return spellings;
}

// Without a model: diffusers' paths as they stand.
absl::StatusOr<AdapterKey> AsItStands(SplitKey split) {
  std::string path = std::move(split.stem);
  if (path.find('.') == std::string::npos && path.starts_with("lora_"))
    return absl::InvalidArgumentError(
        "has a name of kohya's, which says its layer with a model only");
  AdapterPart part = kUNet;
  TakeFront("base_model.model.", path);
  if (!TakeFront("unet.", path)) {
    if (TakeFront("text_encoder.", path)) part = kTextEncoder;
    if (TakeFront("text_encoder_2.", path)) part = kTextEncoder2;
  }
  const bool old = path.find(".processor.") != std::string::npos;
  path = absl::StrReplaceAll(path, {{".processor.", "."}});
  if (old && path.ends_with(".to_out")) path += ".0";
  if (path.empty() || path.ends_with('.'))
    return absl::InvalidArgumentError("is no key of an adapter: it names no layer");
  return AdapterKey{part, std::move(path), split.role, split.piece};
}

}  // namespace

const char* PartName(AdapterPart part) {
  constexpr std::array<const char*, kAdapterParts> kNames = {"unet", "text_encoder",
                                                             "text_encoder_2"};
  return kNames.at(static_cast<size_t>(part));
}

AdapterKeys::AdapterKeys(AdapterPaths paths) : knows_model_(true) {
  const SgmUNetPlaces places(paths.at(static_cast<size_t>(kUNet)));
  for (size_t part = 0; part < paths.size(); ++part) {
    for (const std::string& path : paths.at(part)) {
      const auto spellings = static_cast<AdapterPart>(part) == kUNet ? UNetSpellings(path, places)
                                                                     : TextSpellings(path);
      for (const std::string& spelling : spellings)
        layers_.at(part).try_emplace(Underscored(spelling), path);
    }
  }
}

std::string AdapterKeys::Nearest(const std::vector<AdapterPart>& parts,
                                 const std::string& name) const {
  for (const AdapterPart part : parts) {
    const auto& layers = layers_.at(static_cast<size_t>(part));
    std::vector<std::string> names;
    std::ranges::transform(layers, std::back_inserter(names),
                           [](const auto& at) { return at.first; });
    if (const auto nearest = NearestName(name, names))
      return absl::StrCat(", the nearest is ", PartName(part), ".", layers.at(*nearest));
  }
  return ": is the adapter of another model?";
}

absl::StatusOr<AdapterKey> AdapterKeys::Find(SplitKey split) const {
  std::string name = Underscored(absl::StrReplaceAll(split.stem, {{".processor.", "."}}));
  TakeFront(kPeftFront, name);
  std::vector<AdapterPart> parts = {kUNet};  // without a front, as of a file of one UNet
  const auto front = std::ranges::find_if(
      kFronts, [&name](const Front& front) { return name.starts_with(front.text); });
  if (front != kFronts.end()) {
    TakeFront(front->text, name);
    parts = {front->part};
  }
  for (const AdapterPart part : parts) {
    const auto& layers = layers_.at(static_cast<size_t>(part));
    if (const auto layer = layers.find(name); layer != layers.end())
      return AdapterKey{part, layer->second, split.role, split.piece};
  }
  return absl::InvalidArgumentError(absl::StrCat("this model's ", PartName(parts.front()),
                                                 " has no such layer", Nearest(parts, name)));
}

absl::StatusOr<AdapterKey> AdapterKeys::Parse(std::string_view key) const {
  absl::StatusOr<SplitKey> split = SplitAdapterKey(key);
  if (!split.ok()) return split.status();
  return knows_model_ ? Find(*std::move(split)) : AsItStands(*std::move(split));
}

std::string OtherModelOf(std::string_view key) {
  constexpr std::array<Pair, 7> kMarks = {
      {{"single_transformer_blocks", "Flux"},
       {"double_blocks", "Flux"},
       {"single_blocks", "Flux"},
       {"joint_blocks", "Stable Diffusion 3"},
       {"transformer.transformer_blocks", "a diffusion transformer"},
       {"joint_transformer_blocks", "Stable Diffusion 3"},
       {"lora_te3_", "Stable Diffusion 3"}}};
  for (const auto& [mark, model] : kMarks) {
    if (key.find(mark) != std::string_view::npos) return std::string(model);
  }
  return "";
}

}  // namespace draftp
