#include "draftp/reward/open_clip.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"
#include "draftp/model/clip_tower_config.h"
#include "draftp/model/config_checks.h"
#include "draftp/reward/clip_preprocess.h"

namespace draftp {
namespace {

constexpr char kVisual[] = "visual.transformer.resblocks.";
constexpr char kText[] = "transformer.resblocks.";

// Reads sizes off the shapes; the first error is kept.
class Shapes {
 public:
  explicit Shapes(const WeightMap& weights) : weights_(weights) {}

  // The shape, of `dimensions` sizes from 1 to kMaxClipSize; ones after an error.
  std::vector<int64_t> Of(const std::string& name, size_t dimensions) {
    std::vector<int64_t> ones(dimensions, 1);
    if (!status_.ok()) return ones;
    const absl::StatusOr<std::vector<int64_t>> shape = weights_.Shape(name);
    if (!shape.ok()) {
      status_ = shape.status();
      return ones;
    }
    bool valid = shape->size() == dimensions;
    for (const int64_t size : *shape) valid = valid && size >= 1 && size <= kMaxClipSize;
    if (valid) return *shape;
    Fail(name, absl::StrCat("a tensor of ", dimensions, " dimensions, each 1 to ", kMaxClipSize));
    return ones;
  }

  // Layers in a row from 0.
  int64_t Layers(const std::string& prefix) const {
    int64_t count = 0;
    while (weights_.Contains(absl::StrCat(prefix, count, ".ln_1.weight"))) ++count;
    return count;
  }

  void Fail(const std::string& name, const std::string& expected) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(Printable(weights_.sources().front(), 4096), ": tensor ", Quoted(name),
                     ": found another shape, expected ", expected));
  }

  const absl::Status& status() const { return status_; }

 private:
  const WeightMap& weights_;
  absl::Status status_;
};

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

ClipLayerConfig LayerOf(int64_t width, int64_t intermediate, int64_t head_width, bool causal) {
  return {.hidden_size = width,
          .intermediate_size = intermediate,
          .num_heads = HeadsOf(width, head_width),
          .activation = ClipActivation::kGelu,
          .layer_norm_eps = 1e-5,
          .causal = causal};
}

absl::StatusOr<OpenClipConfig> FromShapes(const WeightMap& weights) {
  Shapes shapes(weights);
  const auto patches = shapes.Of("visual.conv1.weight", 4);  // [width,3,patch,patch]
  if (patches[1] != 3 || patches[2] != patches[3]) {
    if (shapes.status().ok()) shapes.Fail("visual.conv1.weight", "[width,3,patch,patch]");
  }
  const int64_t places = shapes.Of("visual.positional_embedding", 2)[0];
  const auto grid = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(places - 1))));
  if (grid < 1 || grid * grid + 1 != places) {
    shapes.Fail("visual.positional_embedding", "1 + n*n rows");
  }
  const int64_t width = patches[0];
  const int64_t image_inner = shapes.Of(absl::StrCat(kVisual, "0.mlp.c_fc.weight"), 2)[0];
  const auto tokens = shapes.Of("token_embedding.weight", 2);  // [vocab,hidden]
  const int64_t text_inner = shapes.Of(absl::StrCat(kText, "0.mlp.c_fc.weight"), 2)[0];
  const int64_t projection = shapes.Of("visual.proj", 2)[1];
  const int64_t positions = shapes.Of("positional_embedding", 2)[0];
  if (!shapes.status().ok()) return shapes.status();
  OpenClipConfig config{.text = {.vocab_size = tokens[0],
                                 .num_layers = shapes.Layers(kText),
                                 .max_positions = positions,
                                 .layer = LayerOf(tokens[1], text_inner, 64, /*causal=*/true),
                                 .eos_token_id = 2,
                                 .pools_greatest_id = true,
                                 .projection_dim = projection},
                        .image = {.image_size = grid * patches[2],
                                  .patch_size = patches[2],
                                  .num_layers = shapes.Layers(kVisual),
                                  .layer = LayerOf(width, image_inner, ImageHeadWidth(width),
                                                   /*causal=*/false),
                                  .projection_dim = projection},
                        .mean = kClipMean,
                        .std = kClipStd};
  return config;
}

// The object under `key`; an empty one where there is none.
JsonReader Section(JsonReader& json, const std::string& key) {
  const nlohmann::json* found = json.Find(key);
  return JsonReader(absl::StrCat(json.source(), ": ", key),
                    found == nullptr || found->is_null() ? nlohmann::json::object() : *found);
}

// What the file says of a size must be what the weights have.
void Agree(JsonReader& json, const std::string& key, int64_t found_in_weights) {
  if (!json.Has(key)) return;
  const int64_t value = json.Int(key);
  if (json.status().ok() && value != found_in_weights) {
    json.Fail(key, absl::StrCat("found ", value, ", expected ", found_in_weights,
                                ", as the weights have it"));
  }
}

absl::Status ReadVision(JsonReader json, ClipImageConfig& config) {
  json.Ignore({"mlp_ratio", "patch_dropout"});  // the one is in the shapes, the other for training
  Agree(json, "image_size", config.image_size);
  Agree(json, "layers", config.num_layers);
  Agree(json, "width", config.layer.hidden_size);
  Agree(json, "patch_size", config.patch_size);
  config.layer.num_heads =
      HeadsOf(config.layer.hidden_size, json.IntBetween("head_width", 1, kMaxClipSize, 64));
  return Finish(json);
}

absl::Status ReadText(JsonReader json, ClipTextConfig& config) {
  json.Ignore({"mlp_ratio"});
  Agree(json, "context_length", config.max_positions);
  Agree(json, "vocab_size", config.vocab_size);
  Agree(json, "layers", config.num_layers);
  Agree(json, "width", config.layer.hidden_size);
  config.layer.num_heads = json.IntBetween("heads", 1, kMaxClipSize, 8);
  return Finish(json);
}

void ReadThree(JsonReader& json, const std::string& key, std::array<double, 3>& values) {
  if (!json.Has(key)) return;
  const std::vector<double> read = json.DoubleList(key);
  const bool valid =
      read.size() == 3 &&
      (key == "mean" || std::all_of(read.begin(), read.end(), [](double x) { return x > 0; }));
  if (!valid) json.Fail(key, "expected three numbers, those of std > 0");
  if (json.status().ok()) std::copy(read.begin(), read.end(), values.begin());
}

absl::Status ReadPreprocessing(JsonReader json, OpenClipConfig& config) {
  json.Ignore({"size", "mode", "fill_color"});
  StringOneOf(json, "interpolation", {"bicubic"}, "bicubic");
  StringOneOf(json, "resize_mode", {"shortest"}, "shortest");
  ReadThree(json, "mean", config.mean);
  ReadThree(json, "std", config.std);
  return Finish(json);
}

absl::Status ReadJson(const std::string& path, OpenClipConfig& config) {
  absl::StatusOr<JsonReader> json = JsonReader::Open(path);
  if (!json.ok()) return json.status();
  JsonReader model = Section(*json, "model_cfg");
  JsonReader preprocessing = Section(*json, "preprocess_cfg");
  if (absl::Status status = Finish(*json); !status.ok()) return status;
  model.Ignore({"init_logit_scale"});
  RequireUnset(model, "custom_text", "another text tower");
  Agree(model, "embed_dim", config.image.projection_dim);
  if (model.Bool("quick_gelu", false)) {
    config.text.layer.activation = config.image.layer.activation = ClipActivation::kQuickGelu;
  }
  JsonReader vision = Section(model, "vision_cfg"), text = Section(model, "text_cfg");
  if (absl::Status status = Finish(model); !status.ok()) return status;
  if (absl::Status s = ReadVision(std::move(vision), config.image); !s.ok()) return s;
  if (absl::Status s = ReadText(std::move(text), config.text); !s.ok()) return s;
  return ReadPreprocessing(std::move(preprocessing), config);
}

absl::Status CheckHeads(const std::string& source, const std::string& tower,
                        const ClipLayerConfig& layer) {
  if (layer.num_heads > 0 && layer.hidden_size % layer.num_heads == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      Printable(source, 4096), ": found ", tower, " layers of width ", layer.hidden_size,
      ", expected a multiple of the heads (64 wide, or as open_clip_config.json beside it says)"));
}

// Takes tensors by open_clip's names and keeps them by transformers'.
class Renamer {
 public:
  explicit Renamer(WeightMap& weights) : weights_(weights) {}

  at::Tensor Take(const std::string& name, const std::vector<int64_t>& shape) {
    if (!status_.ok()) return {};
    absl::StatusOr<at::Tensor> taken = weights_.Take(name, shape);
    if (taken.ok()) return *std::move(taken);
    status_ = taken.status();
    return {};
  }
  void Move(const std::string& from, const std::string& to, const std::vector<int64_t>& shape) {
    renamed_[to] = Take(from, shape);
  }
  // Both tensors of a layer.
  void MoveLayer(const std::string& from, const std::string& to, std::vector<int64_t> shape) {
    Move(from + ".weight", to + ".weight", shape);
    shape.resize(1);
    Move(from + ".bias", to + ".bias", shape);
  }
  void MoveTransposed(const std::string& from, const std::string& to, int64_t in, int64_t out) {
    const at::Tensor taken = Take(from, {in, out});
    renamed_[to] = taken.defined() ? taken.t().contiguous() : taken;
  }
  void MoveTransformer(const std::string& from, const std::string& to, int64_t layers,
                       const ClipLayerConfig& config) {
    const int64_t width = config.hidden_size, inner = config.intermediate_size;
    for (int64_t i = 0; i < layers && status_.ok(); ++i) {
      const std::string here = absl::StrCat(from, i), there = absl::StrCat(to, i);
      MoveLayer(here + ".ln_1", there + ".layer_norm1", {width});
      MoveLayer(here + ".ln_2", there + ".layer_norm2", {width});
      MoveLayer(here + ".attn.out_proj", there + ".self_attn.out_proj", {width, width});
      MoveLayer(here + ".mlp.c_fc", there + ".mlp.fc1", {inner, width});
      MoveLayer(here + ".mlp.c_proj", there + ".mlp.fc2", {width, inner});
      const at::Tensor weight = Take(here + ".attn.in_proj_weight", {3 * width, width});
      const at::Tensor bias = Take(here + ".attn.in_proj_bias", {3 * width});
      if (!status_.ok()) return;
      const char* const names[] = {"q", "k", "v"};
      for (int64_t part = 0; part < 3; ++part) {
        const std::string name = absl::StrCat(there, ".self_attn.", names[part], "_proj");
        renamed_[name + ".weight"] = weight.narrow(0, part * width, width);
        renamed_[name + ".bias"] = bias.narrow(0, part * width, width);
      }
    }
  }

  absl::StatusOr<WeightMap> Finish() && {
    if (!status_.ok()) return status_;
    std::vector<std::string> unused = weights_.Unused();
    std::erase(unused, "attn_mask");  // a buffer that old files keep
    const std::string& source = weights_.sources().front();
    if (unused.empty()) return WeightMap::FromTensors(std::move(renamed_), source);
    return absl::InvalidArgumentError(absl::StrCat(Printable(source, 4096),
                                                   ": open_clip's CLIP has no place for tensor ",
                                                   Quoted(unused[0]), ", one of ", unused.size()));
  }

 private:
  WeightMap& weights_;
  std::map<std::string, at::Tensor> renamed_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<OpenClipConfig> ReadOpenClipConfig(const WeightMap& weights,
                                                  const std::string& folder) {
  absl::StatusOr<OpenClipConfig> config = FromShapes(weights);
  if (!config.ok()) return config.status();
  namespace fs = std::filesystem;
  const std::string path = (fs::path(folder) / "open_clip_config.json").string();
  std::error_code error;
  if (fs::exists(fs::symlink_status(path, error))) {
    if (absl::Status status = ReadJson(path, *config); !status.ok()) return status;
  }
  const std::string& source = weights.sources().front();
  if (absl::Status s = CheckHeads(source, "text", config->text.layer); !s.ok()) return s;
  if (absl::Status s = CheckHeads(source, "image", config->image.layer); !s.ok()) return s;
  return config;
}

absl::StatusOr<WeightMap> RenameOpenClip(const OpenClipConfig& config, WeightMap weights) {
  const ClipImageConfig& image = config.image;
  const ClipTextConfig& text = config.text;
  const int64_t width = image.layer.hidden_size, hidden = text.layer.hidden_size;
  const int64_t grid = image.Grid(), patch = image.patch_size;
  Renamer rename(weights);
  const std::string vision = "vision_model.embeddings.", words = "text_model.embeddings.";
  rename.Move("visual.class_embedding", vision + "class_embedding", {width});
  rename.Move("visual.conv1.weight", vision + "patch_embedding.weight", {width, 3, patch, patch});
  rename.Move("visual.positional_embedding", vision + "position_embedding.weight",
              {grid * grid + 1, width});
  rename.MoveLayer("visual.ln_pre", "vision_model.pre_layrnorm", {width});
  rename.MoveTransformer(kVisual, "vision_model.encoder.layers.", image.num_layers, image.layer);
  rename.MoveLayer("visual.ln_post", "vision_model.post_layernorm", {width});
  rename.MoveTransposed("visual.proj", "visual_projection.weight", width, image.projection_dim);
  rename.Move("token_embedding.weight", words + "token_embedding.weight",
              {text.vocab_size, hidden});
  rename.Move("positional_embedding", words + "position_embedding.weight",
              {text.max_positions, hidden});
  rename.MoveTransformer(kText, "text_model.encoder.layers.", text.num_layers, text.layer);
  rename.MoveLayer("ln_final", "text_model.final_layer_norm", {hidden});
  rename.MoveTransposed("text_projection", "text_projection.weight", hidden, text.projection_dim);
  rename.Move("logit_scale", "logit_scale", {});
  return std::move(rename).Finish();
}

}  // namespace draftp
