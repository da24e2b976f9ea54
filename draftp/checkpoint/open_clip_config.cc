#include "draftp/checkpoint/open_clip_config.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/config_checks.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr int64_t kMostHeads = 1 << 20;

// Of open_clip's own models.
int64_t ImageHeadWidth(int64_t width) {
  switch (width) {
    case 1280:  // ViT-H
      return 80;
    case 1408:  // ViT-g
      return 88;
    case 1664:  // ViT-bigG
      return 104;
    default:
      return 64;
  }
}

// 0 where the heads don't fill the width, which CheckHeads refuses.
int64_t HeadsOf(int64_t width, int64_t head_width) {
  return head_width > 0 && width % head_width == 0 ? width / head_width : 0;
}

int64_t WidthOf(const nlohmann::json& tower) { return tower.at("hidden_size").get<int64_t>(); }

// The object under `key`; an empty one where there is none.
JsonReader Section(JsonReader& json, const std::string& key) {
  const nlohmann::json* found = json.Find(key);
  return JsonReader(absl::StrCat(json.source(), ": ", key),
                    found == nullptr || found->is_null() ? nlohmann::json::object() : *found);
}

// What the file says of a size must be what the weights have.
void Agree(JsonReader& json, const std::string& key, const nlohmann::json& found_in_weights) {
  if (!json.Has(key)) return;
  const int64_t value = json.Int(key), expected = found_in_weights.get<int64_t>();
  if (json.status().ok() && value != expected) {
    json.Fail(key,
              absl::StrCat("found ", value, ", expected ", expected, ", as the weights have it"));
  }
}

absl::Status ReadVision(JsonReader json, nlohmann::json& image) {
  json.Ignore({"mlp_ratio", "patch_dropout"});  // the one is in the shapes, the other for training
  Agree(json, "image_size", image["image_size"]);
  Agree(json, "layers", image["num_hidden_layers"]);
  Agree(json, "width", image["hidden_size"]);
  Agree(json, "patch_size", image["patch_size"]);
  image["num_attention_heads"] =
      HeadsOf(WidthOf(image), json.IntBetween("head_width", 1, kMostHeads, 64));
  return Finish(json);
}

absl::Status ReadText(JsonReader json, nlohmann::json& text) {
  json.Ignore({"mlp_ratio"});
  Agree(json, "context_length", text["max_position_embeddings"]);
  Agree(json, "vocab_size", text["vocab_size"]);
  Agree(json, "layers", text["num_hidden_layers"]);
  Agree(json, "width", text["hidden_size"]);
  text["num_attention_heads"] = json.IntBetween("heads", 1, kMostHeads, 8);
  return Finish(json);
}

void ReadThree(JsonReader& json, const std::string& key, nlohmann::json& values) {
  if (!json.Has(key)) return;
  const std::vector<double> read = json.DoubleList(key);
  const bool valid =
      read.size() == 3 &&
      (key == "mean" || std::all_of(read.begin(), read.end(), [](double x) { return x > 0; }));
  if (!valid) json.Fail(key, "expected three numbers, those of std > 0");
  if (json.status().ok()) values = read;
}

absl::Status ReadPreprocessing(JsonReader json, nlohmann::json& preprocessor) {
  json.Ignore({"size", "mode", "fill_color"});
  StringOneOf(json, "interpolation", {"bicubic"}, "bicubic");
  StringOneOf(json, "resize_mode", {"shortest"}, "shortest");
  nlohmann::json mean, std;
  ReadThree(json, "mean", mean);
  ReadThree(json, "std", std);
  if (!mean.is_null()) preprocessor["image_mean"] = mean;
  if (!std.is_null()) preprocessor["image_std"] = std;
  return Finish(json);
}

absl::Status ReadJson(const std::string& path, nlohmann::json& text, nlohmann::json& image,
                      nlohmann::json& preprocessor) {
  absl::StatusOr<JsonReader> json = JsonReader::Open(path);
  if (!json.ok()) return json.status();
  JsonReader model = Section(*json, "model_cfg");
  JsonReader preprocessing = Section(*json, "preprocess_cfg");
  if (absl::Status status = Finish(*json); !status.ok()) return status;
  model.Ignore({"init_logit_scale"});
  RequireUnset(model, "custom_text", "another text tower");
  Agree(model, "embed_dim", image["projection_dim"]);
  if (model.Bool("quick_gelu", false)) text["hidden_act"] = image["hidden_act"] = "quick_gelu";
  JsonReader vision_cfg = Section(model, "vision_cfg"), text_cfg = Section(model, "text_cfg");
  if (absl::Status status = Finish(model); !status.ok()) return status;
  if (absl::Status s = ReadVision(std::move(vision_cfg), image); !s.ok()) return s;
  if (absl::Status s = ReadText(std::move(text_cfg), text); !s.ok()) return s;
  return ReadPreprocessing(std::move(preprocessing), preprocessor);
}

absl::Status CheckHeads(const std::string& source, const std::string& tower,
                        const nlohmann::json& config) {
  const int64_t heads = config.at("num_attention_heads").get<int64_t>();
  if (heads > 0 && WidthOf(config) % heads == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      Printable(source, 4096), ": found ", tower, " layers of width ", WidthOf(config),
      ", expected a multiple of the heads (64 wide, or as open_clip_config.json beside it says)"));
}

}  // namespace

absl::StatusOr<PartConfig> OpenClipConfig(const std::string& source, nlohmann::json text,
                                          nlohmann::json image, const std::string& folder) {
  for (nlohmann::json* tower : {&text, &image}) {
    (*tower)["hidden_act"] = "gelu";
    (*tower)["layer_norm_eps"] = 1e-5;
  }
  text["num_attention_heads"] = HeadsOf(WidthOf(text), 64);
  text["eos_token_id"] = 2;  // transformers' word for pooling the greatest id
  image["num_attention_heads"] = HeadsOf(WidthOf(image), ImageHeadWidth(WidthOf(image)));
  nlohmann::json preprocessor = nlohmann::json::object();
  namespace fs = std::filesystem;
  const std::string path = (fs::path(folder) / "open_clip_config.json").string();
  std::error_code error;
  if (fs::exists(fs::symlink_status(path, error))) {
    if (absl::Status read = ReadJson(path, text, image, preprocessor); !read.ok()) return read;
  }
  if (absl::Status s = CheckHeads(source, "text", text); !s.ok()) return s;
  if (absl::Status s = CheckHeads(source, "image", image); !s.ok()) return s;
  nlohmann::json model = {{"architectures", {"CLIPModel"}}, {"model_type", "clip"}};
  model["projection_dim"] = image["projection_dim"];
  model["text_config"] = std::move(text);
  model["vision_config"] = std::move(image);
  return PartConfig{.model = JsonReader(source, std::move(model)),
                    .preprocessor = std::move(preprocessor)};
}

}  // namespace draftp
