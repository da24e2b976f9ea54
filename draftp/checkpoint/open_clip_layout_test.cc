#include "draftp/checkpoint/open_clip_layout.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "draftp/checkpoint/layout_conformance.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/io/test_files.h"

namespace draftp::testing {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

// Shapes alone, as open_clip's files have them; values are compared with transformers in
// clip_reward_test.cc.
Tensors Shapes(int64_t width = 128, int64_t hidden = 192) {
  Tensors tensors;
  const auto add = [&tensors](const std::string& name, const std::vector<int64_t>& shape) {
    tensors[name] = at::empty(shape);
  };
  const auto both = [&add](const std::string& name, std::vector<int64_t> shape) {
    add(name + ".weight", shape);
    shape.resize(1);
    add(name + ".bias", shape);
  };
  const auto blocks = [&](const std::string& tower, int64_t size, int layers) {
    for (int i = 0; i < layers; ++i) {
      const std::string block = tower + "transformer.resblocks." + std::to_string(i);
      both(block + ".ln_1", {size});
      both(block + ".ln_2", {size});
      add(block + ".attn.in_proj_weight", {3 * size, size});
      add(block + ".attn.in_proj_bias", {3 * size});
      both(block + ".attn.out_proj", {size, size});
      both(block + ".mlp.c_fc", {4 * size, size});
      both(block + ".mlp.c_proj", {size, 4 * size});
    }
  };
  add("visual.class_embedding", {width});
  add("visual.conv1.weight", {width, 3, 14, 14});
  add("visual.positional_embedding", {257, width});
  both("visual.ln_pre", {width});
  blocks("visual.", width, 3);
  both("visual.ln_post", {width});
  add("visual.proj", {width, 96});
  add("token_embedding.weight", {500, hidden});
  add("positional_embedding", {77, hidden});
  blocks("", hidden, 2);
  both("ln_final", {hidden});
  add("text_projection", {hidden, 96});
  add("logit_scale", {});
  return tensors;
}

struct ClipConfigs {
  nlohmann::json text, image, preprocessor;
};

absl::StatusOr<ClipConfigs> Read(const Tensors& tensors, const std::string& folder = "/none") {
  auto parts = OpenClipLayout::Parts(WeightMap::FromTensors(tensors, "hps.safetensors"));
  if (!parts.ok()) return parts.status();
  auto config = OpenClipLayout::Config(parts->front(), folder);
  if (!config.ok()) return config.status();
  return ClipConfigs{*config->model.Find("text_config"), *config->model.Find("vision_config"),
                     config->preprocessor};
}

absl::StatusOr<ClipConfigs> ReadWith(const std::string& json) {
  const TemporaryFolder folder;
  folder.Write("open_clip_config.json", json);
  return Read(Shapes(), folder.path());
}

TEST(OpenClipTest, SizesAreThoseOfTheShapes) {
  const auto config = Read(Shapes());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->image["image_size"], 224);
  EXPECT_EQ(config->image["num_hidden_layers"], 3);
  EXPECT_EQ(config->image["num_attention_heads"], 2);
  EXPECT_EQ(config->image["intermediate_size"], 512);
  EXPECT_EQ(config->image["projection_dim"], 96);
  EXPECT_EQ(config->text["vocab_size"], 500);
  EXPECT_EQ(config->text["num_hidden_layers"], 2);
  EXPECT_EQ(config->text["num_attention_heads"], 3);
  EXPECT_EQ(config->text["eos_token_id"], 2);  // the greatest id is pooled
  EXPECT_EQ(config->image["hidden_act"], "gelu");
}

// open_clip's model_configs: head_width 80 in ViT-H-14, which HPSv2 is, 88 in ViT-g, 104 in bigG.
TEST(OpenClipTest, KnowsTheHeadsOfTheLargeImageTowers) {
  for (const int64_t width : {1280, 1408, 1664}) {
    EXPECT_EQ(Read(Shapes(width))->image["num_attention_heads"], 16) << width;
  }
  EXPECT_EQ(Read(Shapes(1024))->image["num_attention_heads"], 16);
  EXPECT_EQ(Read(Shapes(128, 1280))->text["num_attention_heads"], 20);
  EXPECT_THAT(Read(Shapes(100)), FailsWith("hps.safetensors: found image layers of width 100"));
}

TEST(OpenClipTest, TheJsonSaysHeadsActivationAndNormalisation) {
  const auto config = ReadWith(R"({
    "model_cfg": {"embed_dim": 96, "quick_gelu": true,
                  "vision_cfg": {"image_size": 224, "layers": 3, "width": 128, "head_width": 32,
                                 "patch_size": 14, "mlp_ratio": 4},
                  "text_cfg": {"context_length": 77, "vocab_size": 500, "width": 192, "heads": 6,
                               "layers": 2}},
    "preprocess_cfg": {"size": 224, "mode": "RGB", "mean": [0.5, 0.4, 0.3], "std": [1, 2, 3],
                       "interpolation": "bicubic", "resize_mode": "shortest", "fill_color": 0}})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->image["num_attention_heads"], 4);
  EXPECT_EQ(config->text["num_attention_heads"], 6);
  EXPECT_EQ(config->text["hidden_act"], "quick_gelu");
  EXPECT_EQ(config->preprocessor["image_mean"][2], 0.3);
  EXPECT_EQ(config->preprocessor["image_std"][1], 2);
}

TEST(OpenClipTest, TheJsonMustAgreeWithTheWeightsAndAskForNothingElse) {
  const auto expect = [](const std::string& json, const std::string& what) {
    EXPECT_THAT(ReadWith(json), FailsWith("open_clip_config.json: " + what)) << json;
  };
  expect(R"({"model_cfg": {"vision_cfg": {"layers": 4}}})",
         "model_cfg: vision_cfg: key \"layers\": found 4, expected 3, as the weights have it");
  expect(R"({"model_cfg": {"embed_dim": 97}})", "model_cfg: key \"embed_dim\"");
  expect(R"({"model_cfg": {"text_cfg": {"hf_model_name": "x"}}})",
         "model_cfg: text_cfg: key \"hf_model_name\": unknown");
  expect(R"({"model_cfg": {"vision_cfg": {"global_average_pool": true}}})",
         "model_cfg: vision_cfg: key \"global_average_pool\"");
  expect(R"({"preprocess_cfg": {"interpolation": "bilinear"}})",
         "preprocess_cfg: key \"interpolation\": found \"bilinear\", supported: bicubic");
  expect(R"({"preprocess_cfg": {"std": [1, 0, 1]}})", "preprocess_cfg: key \"std\"");
  expect(R"({"model_cfg": {"vision_cfg": {"head_width": 0}}})",
         "model_cfg: vision_cfg: key \"head_width\": found 0");
  expect(R"({"pre_process": {}})", "key \"pre_process\"");
  EXPECT_THAT(ReadWith(R"({"model_cfg": {"vision_cfg": {"head_width": 48}}})"),
              FailsWith("image layers of width 128, expected a multiple"));
}

TEST(OpenClipTest, RejectsShapesThatNoTowerHas) {
  Tensors tensors = Shapes();
  const auto replace = [&tensors](const std::string& name, const std::vector<int64_t>& shape) {
    Tensors changed = tensors;
    changed[name] = at::empty(shape);
    return Read(changed);
  };
  EXPECT_THAT(replace("visual.conv1.weight", {128, 3, 14, 16}), FailsWith("[width,3,patch,patch]"));
  EXPECT_THAT(replace("visual.positional_embedding", {256, 128}), FailsWith("1 + n*n rows"));
  EXPECT_THAT(replace("visual.proj", {128}),
              FailsWith("tensor \"visual.proj\": found shape [128], expected [in, out]"));
  EXPECT_THAT(replace("token_embedding.weight", {0, 192}), FailsWith("each 1 to 1048576"));
  tensors.erase("positional_embedding");
  EXPECT_THAT(Read(tensors), FailsWith("tensor \"positional_embedding\": found no such tensor"));
}

TEST(OpenClipTest, NamesTensorsAsTheFileDoes) {
  const Tensors tensors = Shapes();
  const auto part = [](const Tensors& changed) {
    auto parts = OpenClipLayout::Parts(WeightMap::FromTensors(changed, "hps.safetensors"));
    return std::move(parts->front().weights);
  };
  Tensors changed = tensors;
  changed["attn_mask"] = at::empty({77, 77});
  EXPECT_FALSE(part(changed).Contains("attn_mask"));
  changed = tensors;
  changed["visual.transformer.resblocks.1.attn.in_proj_bias"] = at::empty({383});
  EXPECT_THAT(part(changed).Take("vision_model.encoder.layers.1.self_attn.k_proj.bias", {128}),
              FailsWith("hps.safetensors: tensor \"visual.transformer.resblocks.1."
                        "attn.in_proj_bias\": found shape [383], expected [384]"));
  changed = tensors;
  changed.erase("visual.transformer.resblocks.2.ln_1.bias");
  EXPECT_THAT(part(changed).Take("vision_model.encoder.layers.2.layer_norm1.bias", {128}),
              FailsWith("resblocks.2.ln_1.bias\": found no such tensor"));
  changed = tensors;
  changed["visual.attn_pool.query"] = at::empty({1});
  EXPECT_THAT(OpenClipLayout::Parts(WeightMap::FromTensors(changed, "hps.safetensors")),
              FailsWith("no place for tensor \"visual.attn_pool.query\""));
}

// Where a file of another layout holds the text tower alone.
TEST(OpenClipTest, TheTextTowerIsRenamedUnderAPrefix) {
  Tensors tensors;
  for (const auto& [name, tensor] : Shapes()) {
    if (!name.starts_with("visual.")) tensors["conditioner.embedders.1.model." + name] = tensor;
  }
  WeightMap whole = WeightMap::FromTensors(tensors, "xl.safetensors");
  const auto names = OpenClipTextNames(whole, "conditioner.embedders.1.model.");
  WeightMap text = *std::move(whole).Rename(names);
  EXPECT_TRUE(text.Take("text_model.encoder.layers.1.self_attn.v_proj.weight", {192, 192}).ok());
  EXPECT_THAT(text.Take("text_projection.weight", {97, 192}),
              FailsWith("tensor \"conditioner.embedders.1.model.text_projection\": found shape "
                        "[192, 96], expected [192, 97]"));
}

struct OpenClipExamples {
  using Type = OpenClipLayout;
  static std::vector<Tensors> All() { return {Shapes(), Shapes(64, 64)}; }
  static std::vector<std::vector<ModelPart>> Parts() {
    return {{ModelPart::kClip}, {ModelPart::kClip}};
  }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(OpenClip, LayoutConformance, OpenClipExamples);

}  // namespace draftp::testing
