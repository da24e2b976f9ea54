// Loads both towers of a CLIP by the layout that its file has.
#include "draftp/reward/clip_towers.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "draftp/checkpoint/any_layout.h"
#include "draftp/checkpoint/hugging_face_layout.h"
#include "draftp/checkpoint/layout.h"
#include "draftp/checkpoint/open_clip_layout.h"
#include "draftp/checkpoint/tensor_file.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/io/config_checks.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"
#include "draftp/model/clip_tower_config.h"
#include "draftp/reward/clip_preprocess.h"

namespace draftp {

const char kClipLayouts[] =
    "a Hugging Face CLIPModel (a folder with config.json and model.safetensors, as PickScore has "
    "it) or open_clip weights (a .safetensors or .pt file with visual.* and transformer.*, as "
    "HPSv2 "
    "has it)";

namespace {

namespace fs = std::filesystem;

absl::Status OtherLayout(const std::string& path, const std::string& found) {
  return absl::InvalidArgumentError(
      absl::StrCat(Printable(path, 4096), ": found ", found, ", expected ", kClipLayouts));
}

// The only .safetensors file of a folder without config.json; without any, the only one of
// torch.save.
absl::StatusOr<std::string> OnlyWeights(const std::string& folder) {
  std::vector<std::string> all, weights, torch;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    all.push_back(it->path().filename());
    if (absl::EndsWith(all.back(), ".safetensors")) weights.push_back(all.back());
    if (HasTorchExtension(all.back())) torch.push_back(all.back());
  }
  if (weights.empty()) weights = torch;
  if (weights.size() == 1) return folder + "/" + weights[0];
  std::sort(all.begin(), all.end());
  std::sort(weights.begin(), weights.end());
  if (!weights.empty()) return OtherLayout(folder, FirstNames(weights) + " without config.json");
  return OtherLayout(folder, all.empty() ? "an empty folder" : FirstNames(all));
}

// The config of one tower inside that of a CLIPModel: "X_config_dict", where old files have it,
// counts instead of "X_config", as in transformers.
JsonReader TowerJson(JsonReader& json, const std::string& key, int64_t projection_dim) {
  const nlohmann::json* dict = json.Find(key + "_dict");
  const nlohmann::json* found = json.Find(key);
  if (dict != nullptr && !dict->is_null()) found = dict;
  nlohmann::json tower = found == nullptr || found->is_null() ? nlohmann::json::object() : *found;
  if (tower.is_object()) {
    tower["projection_dim"] = projection_dim;
    tower["architectures"] = {"CLIPTextModelWithProjection"};
  }
  return JsonReader(absl::StrCat(json.source(), ": ", key), std::move(tower));
}

struct Configs {
  ClipTextConfig text;
  ClipImageConfig image;
};

absl::StatusOr<Configs> ParseConfigs(JsonReader json) {
  const std::vector<std::string> kinds =
      json.StringList("architectures", std::vector<std::string>{"CLIPModel"});
  const std::string type = json.String("model_type", "clip");
  if (!json.status().ok()) return json.status();
  if (!json.Has("architectures") && !json.Has("model_type")) {
    return OtherLayout(json.source(), "neither \"architectures\" nor \"model_type\"");
  }
  if (kinds != std::vector<std::string>{"CLIPModel"} || type != "clip") {
    return OtherLayout(json.source(), absl::StrCat("\"architectures\" ", FirstNames(kinds),
                                                   ", \"model_type\" ", Quoted(type, 60)));
  }
  IgnoreBenignClipKeys(json);
  json.Ignore({"logit_scale_init_value"});
  const int64_t projection_dim = json.IntBetween("projection_dim", 1, kMaxClipSize, 512);
  JsonReader text_json = TowerJson(json, "text_config", projection_dim);
  JsonReader image_json = TowerJson(json, "vision_config", projection_dim);
  if (absl::Status status = Finish(json); !status.ok()) return status;
  const auto text = ParseClipTextConfig(std::move(text_json));
  if (!text.ok()) return text.status();
  const auto image = ParseClipImageConfig(std::move(image_json));
  if (!image.ok()) return image.status();
  return Configs{*text, *image};
}

// Mean and standard deviation of pixels as the preprocessor says them, or else CLIP's own.
void ReadPixels(const nlohmann::json& preprocessor, ClipTowers& towers) {
  towers.mean = preprocessor.value("image_mean", kClipMean);
  towers.std = preprocessor.value("image_std", kClipStd);
}

// `weights` by transformers' names.
absl::StatusOr<ClipTowers> FromWeights(const Configs& configs, WeightMap weights,
                                       const Placement& placement) {
  WeightMap text = weights.Extract({"text_model.", "text_projection."});
  WeightMap image = weights.Extract({"vision_model.", "visual_projection."});
  const absl::StatusOr<at::Tensor> logit_scale = weights.Take("logit_scale", {});
  if (!logit_scale.ok()) return logit_scale.status();
  if (const std::vector<std::string> unused = weights.Unused(); !unused.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(Printable(weights.sources().front(), 4096),
                                                   ": a CLIPModel has no place for tensor ",
                                                   FirstNames(unused)));
  }
  absl::StatusOr<ClipText> text_tower =
      ClipText::FromWeights(configs.text, std::move(text), placement);
  if (!text_tower.ok()) return text_tower.status();
  absl::StatusOr<ClipImage> image_tower =
      ClipImage::FromWeights(configs.image, std::move(image), placement);
  if (!image_tower.ok()) return image_tower.status();
  return ClipTowers{.text = *std::move(text_tower),
                    .image = *std::move(image_tower),
                    .logit_scale = logit_scale->to(at::kDouble).item<double>(),
                    .mean = kClipMean,
                    .std = kClipStd,
                    .open_clip = false,
                    .files = weights.sources()};
}

// Both towers by a layout, and the config that it finds for them; `read` where that was read
// before.
absl::StatusOr<ClipTowers> FromLayout(const AnyLayout& layout, LayoutPart part,
                                      const std::string& folder, const std::optional<Configs>& read,
                                      const Placement& placement) {
  const bool own = layout == AnyLayout::Of<HuggingFaceLayout>();
  nlohmann::json preprocessor = nlohmann::json::object();
  std::optional<Configs> configs = own ? read : std::nullopt;
  if (!configs) {
    absl::StatusOr<PartConfig> config = layout.Config(part, folder);
    if (!config.ok()) return config.status();
    preprocessor = config->preprocessor;
    auto parsed = ParseConfigs(std::move(config->model));
    if (!parsed.ok()) return parsed.status();
    configs = *parsed;
  }
  absl::StatusOr<ClipTowers> towers = FromWeights(*configs, std::move(part.weights), placement);
  if (!towers.ok()) return towers.status();
  ReadPixels(preprocessor, *towers);
  towers->open_clip = layout == AnyLayout::Of<OpenClipLayout>();
  return towers;
}

}  // namespace

absl::StatusOr<ClipTowers> LoadClipTowers(const std::string& path, const Placement& placement) {
  std::error_code error;
  const bool is_folder = fs::is_directory(path, error);
  if (!fs::exists(fs::symlink_status(path, error))) return OtherLayout(path, "nothing");
  const std::string folder = is_folder ? path : fs::path(path).parent_path().string();
  const std::string config_path = (fs::path(folder) / "config.json").string();
  const bool has_config = fs::exists(fs::symlink_status(config_path, error));
  std::optional<Configs> configs;  // a folder's are looked at before its weights
  std::string weights_path = path;
  if (is_folder && has_config) {
    absl::StatusOr<JsonReader> json = JsonReader::Open(config_path);
    if (!json.ok()) return json.status();
    const auto read = ParseConfigs(*std::move(json));
    if (!read.ok()) return read.status();
    configs = *read;
  } else if (is_folder) {
    const absl::StatusOr<std::string> only = OnlyWeights(path);
    if (!only.ok()) return only.status();
    weights_path = *only;
  }
  absl::StatusOr<WeightMap> weights = WeightMap::Open(weights_path, "model");
  if (!weights.ok()) return weights.status();
  const std::string file = weights->sources().front();
  const std::vector<std::string> names = weights->names();
  const std::string found = names.empty() ? "no tensors" : "tensors " + FirstNames(names);
  const absl::StatusOr<AnyLayout> layout = DetectLayout(*weights);
  if (absl::IsNotFound(layout.status())) return OtherLayout(file, found);
  if (!layout.ok()) return layout.status();
  absl::StatusOr<std::vector<LayoutPart>> parts = layout->Parts(*std::move(weights));
  if (!parts.ok()) return parts.status();
  if (parts->size() != 1 || parts->front().part != ModelPart::kClip)
    return OtherLayout(file, found);
  if (*layout == AnyLayout::Of<HuggingFaceLayout>() && !has_config)
    return OtherLayout(file, found + " without config.json");
  return FromLayout(*layout, std::move(parts->front()), folder, configs, placement);
}

}  // namespace draftp
