#include "draftp/checkpoint/single_file_layout.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "draftp/checkpoint/layout_conformance.h"
#include "draftp/checkpoint/sgm_names.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/io/gunzip.h"
#include "draftp/io/test_files.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

// A tensor of a single file, and what diffusers' conversion makes of it.
struct GoldenName {
  std::string model, part, in_file;
  std::vector<int64_t> shape;
  std::string diffusers;  // empty: none
  int64_t cut = 0, cuts = 1;
  bool transposed = false, flat = false;
};

std::vector<GoldenName> GoldenNames(const std::string& model) {
  const std::string path = "testdata/goldens/single_file_names.txt.gz";
  std::istringstream file(Gunzip(path, Contents(path), /*max_bytes=*/1 << 20).value());
  std::vector<GoldenName> names;
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> row = absl::StrSplit(line, '\t');
    if (row.size() != 7 || row[0] != model) continue;
    GoldenName name{row[0], row[1], row[2], {}, row[4]};
    for (const auto size : absl::StrSplit(row[3], ',', absl::SkipEmpty())) {
      name.shape.emplace_back();
      EXPECT_TRUE(absl::SimpleAtoi(size, &name.shape.back()));
    }
    name.cut = row[5][0] - '0';
    name.cuts = row[5][2] - '0';
    name.transposed = row[6] == "transposed";
    name.flat = row[6] == "flat";
    names.push_back(std::move(name));
  }
  return names;
}

// Of the right shapes and of no storage: names and shapes are looked at alone.
Tensors Shapes(const std::vector<GoldenName>& names) {
  Tensors tensors;
  for (const GoldenName& name : names) tensors[name.in_file] = at::empty({}).expand(name.shape);
  return tensors;
}

std::map<std::string, LayoutPart> PartsByFolder(Tensors tensors) {
  auto parts = SingleFileLayout::Parts(WeightMap::FromTensors(std::move(tensors), "sdxl"));
  EXPECT_TRUE(parts.ok()) << parts.status();
  std::map<std::string, LayoutPart> by_folder;
  for (LayoutPart& part : *parts) by_folder.emplace(PartFolder(part.part), std::move(part));
  return by_folder;
}

// A small model of the layout, with storage.
Tensors Small() {
  Tensors tensors;
  const auto add = [&tensors](const std::string& name, const std::vector<int64_t>& shape) {
    tensors[name] = at::ones(shape);
  };
  const std::string unet = "model.diffusion_model.";
  add(unet + "input_blocks.0.0.weight", {8, 4, 3, 3});
  add(unet + "input_blocks.1.0.in_layers.2.weight", {8, 8, 3, 3});
  add(unet + "out.2.weight", {4, 8, 3, 3});
  add("first_stage_model.decoder.up.0.block.0.conv1.weight", {8, 8, 3, 3});
  add("first_stage_model.decoder.mid.attn_1.q.weight", {8, 8, 1, 1});
  add("conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight", {9, 8});
  add("conditioner.embedders.1.model.token_embedding.weight", {9, 8});
  add("conditioner.embedders.1.model.transformer.resblocks.0.ln_1.weight", {8});
  add("conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight", {24, 8});
  return tensors;
}

void ExpectNamesOfDiffusers(const std::string& model) {
  const std::vector<GoldenName> names = GoldenNames(model);
  ASSERT_GT(names.size(), 1000U);
  auto parts = PartsByFolder(Shapes(names));
  std::map<std::string, size_t> expected;
  for (const GoldenName& name : names) {
    const WeightMap& weights = parts.at(name.part).weights;
    if (name.diffusers.empty()) continue;
    ++expected[name.part];
    ASSERT_TRUE(weights.Contains(name.diffusers)) << name.in_file << " -> " << name.diffusers;
    ASSERT_EQ(weights.NameInFile(name.diffusers), name.in_file);
    std::vector<int64_t> shape = name.shape;
    shape.empty() ? void() : void(shape[0] /= name.cuts);
    if (name.transposed) std::swap(shape[0], shape[1]);
    if (name.flat) shape.resize(2);
    ASSERT_EQ(*weights.Shape(name.diffusers), shape) << name.diffusers;
  }
  for (const auto& [part, count] : expected)
    EXPECT_EQ(parts.at(part).weights.names().size(), count) << part;
}

TEST(SingleFileTest, EveryTensorOfSdxlBaseHasTheNameThatDiffusersGivesIt) {
  ExpectNamesOfDiffusers("base");
}

TEST(SingleFileTest, APrunedUNetsTensorsToo) { ExpectNamesOfDiffusers("pruned"); }

TEST(SingleFileTest, TheWayBackHasTheFilesNames) {
  for (const std::string model : {"base", "pruned"}) {
    std::map<std::string, std::string> expected;  // by diffusers' name, without a prefix
    std::vector<std::string> unet, vae;
    for (const GoldenName& name : GoldenNames(model)) {
      if (name.part != "unet" && name.part != "vae") continue;
      (name.part == "unet" ? unet : vae).push_back(name.diffusers);
      const std::string prefix =
          name.part == "unet" ? "model.diffusion_model." : "first_stage_model.";
      expected[name.diffusers] = name.in_file.substr(prefix.size());
    }
    for (const auto& renamings : {ToSgmUNetNames(unet), ToLdmVaeNames(vae)}) {
      ASSERT_TRUE(renamings.ok()) << renamings.status();
      for (const Renaming& renaming : *renamings)
        EXPECT_EQ(renaming.to, expected.at(renaming.from)) << model;
    }
  }
}

TEST(SingleFileTest, ANameOfAnotherKindOfUNetHasNoPlace) {
  EXPECT_THAT(ToSgmUNetNames({"time_embedding.cond_proj.weight"}),
              FailsWith("\"time_embedding.cond_proj.weight\": single files have no place for it"));
}

TEST(SingleFileTest, ShapesAndPublishedValuesAreSdxlBasesConfigs) {
  auto parts = PartsByFolder(Shapes(GoldenNames("base")));
  const nlohmann::json unet = SingleFileLayout::Config(parts.at("unet"), "")->model.object();
  EXPECT_EQ(unet["block_out_channels"], (std::vector<int>{320, 640, 1280}));
  EXPECT_EQ(unet["attention_head_dim"], (std::vector<int>{5, 10, 20}));
  EXPECT_EQ(unet["transformer_layers_per_block"], (std::vector<int>{1, 2, 10}));
  EXPECT_FALSE(unet.contains("reverse_transformer_layers_per_block"));
  EXPECT_EQ(unet["down_block_types"][0], "DownBlock2D");
  EXPECT_EQ(unet["up_block_types"][0], "CrossAttnUpBlock2D");
  EXPECT_EQ(unet["cross_attention_dim"], 2048);
  EXPECT_EQ(unet["projection_class_embeddings_input_dim"], 2816);
  EXPECT_EQ(unet["use_linear_projection"], true);
  EXPECT_EQ(unet["time_embedding_dim"], 1280);
  const nlohmann::json vae = SingleFileLayout::Config(parts.at("vae"), "")->model.object();
  EXPECT_EQ(vae["block_out_channels"], (std::vector<int>{128, 256, 512, 512}));
  EXPECT_EQ(vae["layers_per_block"], 2);
  EXPECT_EQ(vae["scaling_factor"], 0.13025);
  const nlohmann::json first =
      SingleFileLayout::Config(parts.at("text_encoder"), "")->model.object();
  EXPECT_EQ(first["num_attention_heads"], 12);
  EXPECT_EQ(first["hidden_act"], "quick_gelu");
  const nlohmann::json second =
      SingleFileLayout::Config(parts.at("text_encoder_2"), "")->model.object();
  EXPECT_EQ(second["num_attention_heads"], 20);
  EXPECT_EQ(second["hidden_act"], "gelu");
  EXPECT_EQ(second["projection_dim"], 1280);
}

TEST(SingleFileTest, DepthsThatDifferWithinABlockAreListed) {
  auto parts = PartsByFolder(Shapes(GoldenNames("pruned")));
  const nlohmann::json unet = SingleFileLayout::Config(parts.at("unet"), "")->model.object();
  EXPECT_EQ(unet["reverse_transformer_layers_per_block"][0], (std::vector<int>{4, 4, 10}));
  EXPECT_EQ(unet["reverse_transformer_layers_per_block"][1], (std::vector<int>{2, 1, 1}));
}

TEST(SingleFileTest, EmaWeightsBesideAndUnknownBuffersAreLeftAlone) {
  Tensors tensors = Small();
  tensors["model_ema.diffusion_modelinput_blocks00weight"] = at::ones({8, 4, 3, 3});
  tensors["model_ema.decay"] = at::ones({});
  tensors["alphas_cumprod"] = at::ones({1000});
  const auto parts = PartsByFolder(tensors);
  EXPECT_EQ(parts.size(), 4U);
  EXPECT_EQ(parts.at("unet").weights.names().size(), 3U);
}

TEST(SingleFileTest, ANameThatNoLayerHasKeepsItsOwn) {
  Tensors tensors = Small();
  const std::string odd = "model.diffusion_model.input_blocks.1.0.extra.weight";
  tensors[odd] = at::ones({2});
  EXPECT_TRUE(PartsByFolder(tensors).at("unet").weights.Contains(odd));
}

TEST(SingleFileTest, AUNetOrAVaeAloneMayHaveBareNames) {
  const auto unet = PartsByFolder({{"input_blocks.0.0.weight", at::ones({8, 4, 3, 3})},
                                   {"out.2.weight", at::ones({4, 8, 3, 3})}});
  EXPECT_TRUE(unet.at("unet").weights.Contains("conv_out.weight"));
  const auto vae =
      PartsByFolder({{"decoder.up.0.block.0.conv1.weight", at::ones({8, 8, 3, 3})},
                     {"decoder.up.1.block.0.nin_shortcut.weight", at::ones({8, 8, 1, 1})}});
  EXPECT_TRUE(vae.at("vae").weights.Contains("decoder.up_blocks.1.resnets.0.conv1.weight"));
  EXPECT_TRUE(vae.at("vae").weights.Contains("decoder.up_blocks.0.resnets.0.conv_shortcut.weight"));
}

TEST(SingleFileTest, ALinearTextProjectionIsNotTransposed) {
  Tensors tensors = Small();
  tensors["conditioner.embedders.1.model.text_projection.weight"] = at::ones({6, 8});
  const auto parts = PartsByFolder(tensors);
  EXPECT_EQ(*parts.at("text_encoder_2").weights.Shape("text_projection.weight"),
            (std::vector<int64_t>{6, 8}));
}

// W = w8 * scale_weight (ComfyUI, comfy/ops.py), and QUANTIZATION.md's weight_scale.
TEST(SingleFileTest, Fp8WeightsAreTakenTimesTheirScale) {
  for (const std::string scale : {"scale_weight", "weight_scale"}) {
    Tensors tensors = Small();
    const std::string layer = "model.diffusion_model.out.2.";
    const at::Tensor values = at::arange(4 * 8 * 9, at::kFloat).reshape({4, 8, 3, 3}) / 16 - 9;
    tensors[layer + "weight"] = values.to(at::kFloat8_e4m3fn);
    tensors[layer + scale] = at::full({}, 0.125);
    tensors[layer + "scale_input"] = at::full({}, 3.0);
    tensors["model.diffusion_model.scaled_fp8"] = at::empty({0}).to(at::kFloat8_e4m3fn);
    auto parts = PartsByFolder(tensors);
    WeightMap& unet = parts.at("unet").weights;
    EXPECT_EQ(unet.names().size(), 3U);
    const auto taken = unet.Take("conv_out.weight", {4, 8, 3, 3});
    ASSERT_TRUE(taken.ok()) << taken.status();
    EXPECT_TRUE(taken->equal(values.to(at::kFloat8_e4m3fn).to(at::kFloat) * 0.125));
  }
}

TEST(SingleFileTest, AScaledWeightIsTheSameEachTimeThatItIsTaken) {
  Tensors tensors = Small();
  const std::string layer = "model.diffusion_model.out.2.";
  const at::Tensor stored = at::arange(4 * 8 * 9, at::kFloat).reshape({4, 8, 3, 3});
  tensors[layer + "weight"] = stored.clone();  // float32, as a file that was multiplied out has it
  tensors[layer + "scale_weight"] = at::full({}, 0.125);
  auto parts = PartsByFolder(tensors);
  WeightMap& unet = parts.at("unet").weights;
  for (int time = 0; time < 2; ++time)
    EXPECT_TRUE(unet.Take("conv_out.weight", {4, 8, 3, 3})->equal(stored * 0.125)) << time;
}

TEST(SingleFileTest, AnotherQuantisationIsAnErrorByName) {
  Tensors tensors = Small();
  tensors["model.diffusion_model.out.2.weight_scale_2"] = at::ones({});
  const auto parts = SingleFileLayout::Parts(WeightMap::FromTensors(tensors, "q.safetensors"));
  EXPECT_THAT(parts, FailsWith("q.safetensors: found tensor \"model.diffusion_model.out.2."
                               "weight_scale_2\" of a quantisation"));
}

TEST(SingleFileTest, MarksSayPredictionAndSchedule) {
  const auto scheduler = [](Tensors marks) {
    auto json = SingleFileScheduler(WeightMap::FromTensors(std::move(marks), "f.safetensors"));
    return json.ok() ? json->object() : nlohmann::json(std::string(json.status().message()));
  };
  EXPECT_EQ(scheduler({})["prediction_type"], "epsilon");
  EXPECT_EQ(scheduler({})["rescale_betas_zero_snr"], false);
  const auto v = scheduler({{"v_pred", at::empty({0})}, {"ztsnr", at::empty({0})}});
  EXPECT_EQ(v["prediction_type"], "v_prediction");
  EXPECT_EQ(v["rescale_betas_zero_snr"], true);
  EXPECT_TRUE(absl::StrContains(scheduler({{"edm_mean", at::ones({4})}}).get<std::string>(),
                                "\"edm_mean\", which marks EDM preconditioning"));
}

struct SingleFileExamples {
  using Type = SingleFileLayout;
  static std::vector<Tensors> All() {
    Tensors pruned;
    for (const auto& [name, tensor] : Small()) {
      if (name.starts_with("model.diffusion_model.")) pruned[name] = tensor;
    }
    return {Small(), pruned};
  }
  static std::vector<std::vector<ModelPart>> Parts() {
    return {{ModelPart::kUNet, ModelPart::kVae, ModelPart::kTextEncoder, ModelPart::kTextEncoder2},
            {ModelPart::kUNet}};
  }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(SingleFile, LayoutConformance, SingleFileExamples);

}  // namespace draftp::testing
