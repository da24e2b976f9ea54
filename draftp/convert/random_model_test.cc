#include "draftp/convert/random_model.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "draftp/checkpoint/sdxl_sizes.h"
#include "draftp/convert/model_structure.h"
#include "draftp/convert/test_convert.h"
#include "draftp/io/test_files.h"

namespace draftp::testing {
namespace {

using ::testing::Ge;
using ::testing::Le;

int64_t Parameters(const PartToWrite& part) {
  int64_t sum = 0;
  for (const auto& [name, tensor] : part.tensors) {
    int64_t elements = 1;
    for (const int64_t size : tensor.shape) elements *= size;
    sum += elements;
  }
  return sum;
}

// The numbers of parameters of the published files.
TEST(RandomModelTest, SdxlBaseHasThePublishedStructure) {
  const auto model = RandomModel(kSdxlBase, 0);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(Parameters(model->of(ModelPart::kUNet)), 2567463684);
  EXPECT_EQ(model->of(ModelPart::kUNet).tensors.size(), 1680u);
  EXPECT_EQ(Parameters(model->of(ModelPart::kVae)), 83653863);
  EXPECT_EQ(Parameters(model->of(ModelPart::kTextEncoder)), 123060480);
  EXPECT_EQ(Parameters(model->of(ModelPart::kTextEncoder2)), 694659840);
  ASSERT_TRUE(model->tokenizers[0].ok()) << model->tokenizers[0].status();
  EXPECT_TRUE(model->tokenizers[1]->contains("merges.txt"));
  EXPECT_TRUE(model->pipeline.force_zeros_for_empty_prompt);
}

// What a reader of single files sees in the shapes is what the configs say.
TEST(RandomModelTest, ShapesAndConfigsOfSdxlBaseAgree) {
  const auto model = RandomModel(kSdxlBase, 0).value();
  NamedTensors shapes;
  for (const auto& [name, tensor] : model.of(ModelPart::kUNet).tensors)
    shapes[name] = at::empty(tensor.shape, at::TensorOptions(at::kMeta).dtype(at::kFloat));
  const auto seen = UNetSizes(WeightMap::FromTensors(shapes)).value();
  for (const char* key : {"block_out_channels", "down_block_types", "cross_attention_dim",
                          "transformer_layers_per_block", "attention_head_dim",
                          "projection_class_embeddings_input_dim", "use_linear_projection"})
    EXPECT_EQ(seen[key], SdxlBaseConfigs()["unet"][key]) << key;
}

// Names and shapes are those of the files that diffusers and transformers wrote.
TEST(RandomModelTest, AFoldersConfigsMakeItsTensors) {
  const TemporaryFolder folder;
  ASSERT_TRUE(RunConvertWith({"--init_random", kTinyModel, "--out", folder / "out"}).ok());
  const NamedTensors expected = TensorsOfModel(kTinyModel), got = TensorsOfModel(folder / "out");
  ASSERT_EQ(got.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(got.contains(name)) << name;
    EXPECT_EQ(got.at(name).sizes(), tensor.sizes()) << name;
    EXPECT_EQ(got.at(name).scalar_type(), at::kHalf) << name;
  }
  EXPECT_EQ(Contents(folder / "out/tokenizer/vocab.json"),
            Contents(std::string(kTinyModel) + "/tokenizer/vocab.json"));
}

// Uniform in +-b has deviation b / sqrt(3). Of 36,864 values the mean of squares is within 3% but
// once in 1e9 or so (its own deviation is 0.9 / sqrt(36864) = 0.5%).
TEST(RandomModelTest, WeightsAreOfTorchsSizes) {
  const auto model = RandomModel(kTinyModel, 5).value();
  const auto make = [&](ModelPart part, const std::string& name) {
    return *model.of(part).tensors.at(name).make();
  };
  const at::Tensor conv = make(ModelPart::kUNet, "down_blocks.0.resnets.0.conv1.weight");
  const double bound = 1 / std::sqrt(64.0 * 9);
  EXPECT_THAT(conv.abs().max().item<double>(), Le(bound));
  EXPECT_NEAR(conv.pow(2).mean().item<double>() / (bound * bound / 3), 1, 0.03);
  const at::Tensor bias = make(ModelPart::kUNet, "down_blocks.0.resnets.0.conv1.bias");
  EXPECT_THAT(bias.abs().max().item<double>(), Le(bound));
  EXPECT_THAT(bias.abs().max().item<double>(), Ge(bound / 2));
  const at::Tensor tokens =
      make(ModelPart::kTextEncoder, "text_model.embeddings.token_embedding.weight");
  EXPECT_NEAR(tokens.pow(2).mean().item<double>() / 4e-4, 1, 0.05);
  EXPECT_EQ(make(ModelPart::kUNet, "conv_norm_out.weight").min().item<double>(), 1);
  EXPECT_EQ(make(ModelPart::kUNet, "conv_norm_out.bias").abs().max().item<double>(), 0);
}

TEST(RandomModelTest, ATensorIsAFunctionOfSeedAndName) {
  const auto make = [](uint64_t seed, ModelPart part, const std::string& name) {
    return *RandomModel(kTinyModel, seed).value().of(part).tensors.at(name).make();
  };
  const std::string norm = "text_model.encoder.layers.0.", q = norm + "self_attn.q_proj.weight",
                    k = norm + "self_attn.k_proj.weight";
  const at::Tensor first = make(1, ModelPart::kTextEncoder2, q);
  EXPECT_TRUE(at::equal(first, make(1, ModelPart::kTextEncoder2, q)));
  EXPECT_FALSE(at::equal(first, make(2, ModelPart::kTextEncoder2, q)));
  EXPECT_FALSE(at::equal(first, make(1, ModelPart::kTextEncoder2, k)));
  // PyTorch's uniform_ with the generator seeded by SHA-256 of "1/text_encoder_2/NAME".
  EXPECT_NEAR(first[0][0].item<double>(), 0.0648365, 1e-6);
  EXPECT_NEAR(first[127][127].item<double>(), -0.0154891, 1e-6);
}

TEST(RandomModelTest, StructuresThatArentThere) {
  const TemporaryFolder folder;
  EXPECT_THAT(RunConvertWith({"--init_random", folder / "x", "--out", folder / "out"}),
              FailsWith("x, expected sdxl_base_1.0 or a folder of configs"));
  EXPECT_THAT(RunConvertWith({"--init_random", folder.path(), "--out", folder / "out"}),
              FailsWith("/unet/config.json"));
  EXPECT_THAT(RunConvertWith({"--init_random", kSdxlBase, "--unet", "u", "--out", "x"}),
              FailsWith("--init_random: found it beside the path of a part"));
  EXPECT_THAT(RunConvertWith({"--init_random", kTinyModel, "--in", kTinyModel, "--out", "x"}),
              FailsWith("--in: found it beside --init_random, expected one of them"));
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

}  // namespace
}  // namespace draftp::testing
