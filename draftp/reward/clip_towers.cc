// Tells CLIP's two layouts apart, and reads transformers'.
#include "draftp/reward/clip_towers.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"
#include "draftp/model/clip_tower_config.h"
#include "draftp/model/config_checks.h"
#include "draftp/reward/clip_preprocess.h"
#include "draftp/reward/open_clip.h"

namespace draftp {

const char kClipLayouts[] =
    "a Hugging Face CLIPModel (a folder with config.json and model.safetensors, as PickScore has "
    "it) or open_clip weights (a .safetensors file with visual.* and transformer.*, as HPSv2 has "
    "it)";

namespace {

namespace fs = std::filesystem;

absl::Status OtherLayout(const std::string& path, const std::string& found) {
  return absl::InvalidArgumentError(
      absl::StrCat(Printable(path, 4096), ": found ", found, ", expected ", kClipLayouts));
}

// The first names of a list, for messages.
std::string Named(std::vector<std::string> names) {
  constexpr size_t kNamed = 3;
  const size_t more = names.size() > kNamed ? names.size() - kNamed : 0;
  names.resize(names.size() - more);
  for (std::string& name : names) name = Printable(name, 60);
  return absl::StrCat(absl::StrJoin(names, ", "),
                      more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

// The only .safetensors file of a folder without config.json.
absl::StatusOr<std::string> OnlyWeights(const std::string& folder) {
  std::vector<std::string> all, weights;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    all.push_back(it->path().filename());
    if (absl::EndsWith(all.back(), ".safetensors")) weights.push_back(all.back());
  }
  if (weights.size() == 1) return folder + "/" + weights[0];
  std::sort(all.begin(), all.end());
  std::sort(weights.begin(), weights.end());
  if (!weights.empty()) return OtherLayout(folder, Named(weights) + " without config.json");
  return OtherLayout(folder, all.empty() ? "an empty folder" : Named(all));
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

absl::StatusOr<Configs> ReadConfigs(const std::string& path) {
  absl::StatusOr<JsonReader> json = JsonReader::Open(path);
  if (!json.ok()) return json.status();
  const std::vector<std::string> kinds =
      json->StringList("architectures", std::vector<std::string>{"CLIPModel"});
  const std::string type = json->String("model_type", "clip");
  if (!json->status().ok()) return json->status();
  if (!json->Has("architectures") && !json->Has("model_type")) {
    return OtherLayout(path, "neither \"architectures\" nor \"model_type\"");
  }
  if (kinds != std::vector<std::string>{"CLIPModel"} || type != "clip") {
    return OtherLayout(path, absl::StrCat("\"architectures\" ", Named(kinds), ", \"model_type\" ",
                                          Quoted(type, 60)));
  }
  IgnoreBenignClipKeys(*json);
  json->Ignore({"logit_scale_init_value"});
  const int64_t projection_dim = json->IntBetween("projection_dim", 1, kMaxClipSize, 512);
  JsonReader text_json = TowerJson(*json, "text_config", projection_dim);
  JsonReader image_json = TowerJson(*json, "vision_config", projection_dim);
  if (absl::Status status = Finish(*json); !status.ok()) return status;
  const auto text = ParseClipTextConfig(std::move(text_json));
  if (!text.ok()) return text.status();
  const auto image = ParseClipImageConfig(std::move(image_json));
  if (!image.ok()) return image.status();
  return Configs{*text, *image};
}

absl::StatusOr<ClipTowers> FromTransformers(const Configs& configs, WeightMap weights,
                                            const Placement& placement) {
  const std::vector<std::string> files = weights.sources();
  WeightMap text = weights.Extract({"text_model.", "text_projection."});
  WeightMap image = weights.Extract({"vision_model.", "visual_projection."});
  const absl::StatusOr<at::Tensor> logit_scale = weights.Take("logit_scale", {});
  if (!logit_scale.ok()) return logit_scale.status();
  if (const std::vector<std::string> unused = weights.Unused(); !unused.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        Printable(files.front(), 4096), ": a CLIPModel has no place for tensor ", Named(unused)));
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
                    .files = files};
}

absl::StatusOr<ClipTowers> FromOpenClip(const std::string& folder, WeightMap weights,
                                        const Placement& placement) {
  const std::vector<std::string> files = weights.sources();
  const absl::StatusOr<OpenClipConfig> config = ReadOpenClipConfig(weights, folder);
  if (!config.ok()) return config.status();
  absl::StatusOr<WeightMap> renamed = RenameOpenClip(*config, std::move(weights));
  if (!renamed.ok()) return renamed.status();
  absl::StatusOr<ClipTowers> towers =
      FromTransformers({config->text, config->image}, *std::move(renamed), placement);
  if (!towers.ok()) return towers.status();
  towers->mean = config->mean;
  towers->std = config->std;
  towers->open_clip = true;
  towers->files = files;
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
  absl::StatusOr<Configs> configs = absl::UnknownError("");
  std::string weights_path = path;
  if (is_folder && has_config) {
    configs = ReadConfigs(config_path);
    if (!configs.ok()) return configs.status();
  } else if (is_folder) {
    const absl::StatusOr<std::string> only = OnlyWeights(path);
    if (!only.ok()) return only.status();
    weights_path = *only;
  }
  absl::StatusOr<WeightMap> weights = WeightMap::Open(weights_path, "model");
  if (!weights.ok()) return weights.status();
  if (weights->Contains("visual.conv1.weight")) {
    return FromOpenClip(folder, *std::move(weights), placement);
  }
  const std::vector<std::string> names = weights->names();
  const bool transformers = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return absl::StartsWith(name, "vision_model.");
  });
  if (!transformers || !has_config) {
    return OtherLayout(weights->sources().front(),
                       names.empty() ? "no tensors"
                                     : absl::StrCat("tensors ", Named(names),
                                                    transformers ? " without config.json" : ""));
  }
  if (!is_folder) configs = ReadConfigs(config_path);
  if (!configs.ok()) return configs.status();
  return FromTransformers(*configs, *std::move(weights), placement);
}

}  // namespace draftp
