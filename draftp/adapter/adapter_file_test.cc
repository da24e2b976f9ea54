#include "draftp/adapter/adapter_file.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using enum AdapterRole;
using Files = std::map<std::string, at::Tensor>;

const std::string kCross = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k";
const std::string kKohya = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k";

AdapterKeys SmallModel() {
  AdapterPaths paths;
  paths[0] = {"conv_in", kCross, "down_blocks.0.resnets.0.norm1", "down_blocks.0.resnets.1.norm1",
              "down_blocks.1.resnets.0.norm1"};
  paths[1] = {"text_model.encoder.layers.0.mlp.fc1"};
  paths[2] = {"text_projection"};
  return AdapterKeys(std::move(paths));
}

absl::StatusOr<Adapter> ReadIt(Files tensors, const std::string& config = "") {
  const AdapterKeys keys = SmallModel();
  return ReadAdapter(WeightMap::FromTensors(std::move(tensors), "a.safetensors"), keys, config);
}

LayerChange Cross(const Files& tensors, const std::string& config = "") {
  const auto adapter = ReadIt(tensors, config);
  TORCH_CHECK(adapter.ok(), adapter.status().ToString());
  return adapter->of(AdapterPart::kUNet).at(kCross);
}

std::string MistakeIn(Files tensors, const std::string& config = "") {
  const std::string message = ReadIt(std::move(tensors), config).status().ToString();
  EXPECT_THAT(message, AllOf(HasSubstr("a.safetensors: "), Not(HasSubstr("\n"))));
  return message;
}

Files Factors(const std::string& stem, int64_t rank = 4) {
  return {{stem + ".lora_down.weight", at::ones({rank, 6})},
          {stem + ".lora_up.weight", at::ones({5, rank})}};
}

TEST(AdapterFileTest, PartsGoToTheirNetworks) {
  Files tensors = Factors(kKohya);
  tensors.merge(Factors("lora_te1_text_model_encoder_layers_0_mlp_fc1"));
  tensors.merge(Factors("text_encoder_2.text_projection"));
  const auto adapter = ReadIt(tensors);
  ASSERT_TRUE(adapter.ok()) << adapter.status();
  EXPECT_TRUE(adapter->of(AdapterPart::kUNet).contains(kCross));
  EXPECT_TRUE(
      adapter->of(AdapterPart::kTextEncoder).contains("text_model.encoder.layers.0.mlp.fc1"));
  EXPECT_TRUE(adapter->of(AdapterPart::kTextEncoder2).contains("text_projection"));
  EXPECT_TRUE(adapter->ChangesTextEncoders());
}

TEST(AdapterFileTest, AlphaMayBeOfAnyDtypeAndShape) {
  for (const at::Tensor& alpha : {at::full({}, 2, at::kInt), at::full({1}, 2.0, at::kBFloat16),
                                  at::full({}, 2.0, at::kHalf)}) {
    Files tensors = Factors(kKohya);
    tensors[kKohya + ".alpha"] = alpha;
    EXPECT_DOUBLE_EQ(Cross(tensors).scale, 0.5);
  }
}

TEST(AdapterFileTest, AlphaZeroIsTheRank) {
  Files tensors = Factors(kKohya);
  tensors[kKohya + ".alpha"] = at::full({}, 0.0);
  EXPECT_EQ(Cross(tensors).scale, 1.0);
}

TEST(AdapterFileTest, AlphaOfWholeKroneckerFactorsIsIgnored) {
  Files tensors = {{kKohya + ".lokr_w1", at::ones({1, 2})},
                   {kKohya + ".lokr_w2", at::ones({5, 3})},
                   {kKohya + ".alpha", at::full({}, 7.0)}};
  EXPECT_EQ(Cross(tensors).scale, 1.0);
  tensors.erase(kKohya + ".lokr_w2");
  tensors[kKohya + ".lokr_w2_a"] = at::ones({5, 2});
  tensors[kKohya + ".lokr_w2_b"] = at::ones({2, 3});
  EXPECT_EQ(Cross(tensors).scale, 3.5);
}

TEST(AdapterFileTest, PiecesOfAFactorAreOneFactor) {
  const auto row = [](double value) { return at::full({1, 6}, value); };
  const LayerChange change = Cross({{kKohya + ".lora_A.0", row(1)},
                                    {kKohya + ".lora_A.1", row(2)},
                                    {kKohya + ".lora_B.0", at::ones({5, 1})},
                                    {kKohya + ".lora_B.1", at::ones({5, 1})}});
  EXPECT_THAT(change.at(kDown), testing::IsCloseTo(at::cat({row(1), row(2)}), 0));
  EXPECT_EQ(change.at(kUp).sizes(), at::IntArrayRef({5, 2}));
  EXPECT_THAT(MistakeIn({{kKohya + ".lora_A.1", row(2)}}),
              HasSubstr("lora_A.1: is [1,6], expected pieces 0, 1, ..."));
}

TEST(AdapterFileTest, PeftsConfigSaysAlphaAndVariant) {
  const Files tensors = {{"base_model.model." + kCross + ".lora_A.weight", at::ones({4, 6})},
                         {"base_model.model." + kCross + ".lora_B.weight", at::ones({5, 4})}};
  EXPECT_EQ(Cross(tensors, R"({"r": 4, "lora_alpha": 8})").scale, 2.0);
  EXPECT_EQ(Cross(tensors, R"({"r": 4, "lora_alpha": 8, "use_rslora": true})").scale, 4.0);
  EXPECT_EQ(Cross(tensors, R"({"r": 4, "alpha_pattern": {".*attn2.*": 2}})").scale, 0.5);
}

TEST(AdapterFileTest, AConfigThatContradictsTheWeightsIsNamed) {
  EXPECT_THAT(MistakeIn(Factors(kKohya), R"({"r": 8, "lora_alpha": 8})"),
              HasSubstr("has rank 4, adapter_config.json says 8"));
  EXPECT_THAT(MistakeIn(Factors(kKohya), R"({"use_dora": true})"),
              HasSubstr("comes without lora_magnitude_vector, adapter_config.json says use_dora"));
  EXPECT_THAT(MistakeIn(Factors(kKohya), R"({"peft_type": "LOHA"})"), HasSubstr("peft_type"));
  // Before keys that nothing knows: the config says what they are.
  EXPECT_THAT(MistakeIn({{"base_model.model.conv_in.unknown", at::ones({2})}},
                        R"({"peft_type": "FOURIERFT"})"),
              HasSubstr("adapter_config.json: peft_type: is \"FOURIERFT\", supported: \"LORA\""));
  Files tensors = Factors(kKohya);
  tensors[kKohya + ".alpha"] = at::ones({});
  EXPECT_THAT(MistakeIn(tensors, R"({"lora_alpha": 8})"), HasSubstr(".alpha: is there, and alpha"));
}

TEST(AdapterFileTest, AdaptersOfOtherModelsAreNamed) {
  EXPECT_THAT(MistakeIn(Factors("lora_unet_double_blocks_0_img_attn_proj")),
              HasSubstr("is of an adapter for Flux"));
  Files tensors;
  const std::string sd1 = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k";
  tensors[sd1 + ".lora_down.weight"] = at::ones({4, 768});
  EXPECT_THAT(MistakeIn(tensors),
              AllOf(HasSubstr("has no such layer"), HasSubstr("adapter of Stable Diffusion 1")));
}

// Half of the layers by another program's names: both count, unless nothing takes them.
TEST(AdapterFileTest, GrammarsMayMixAndAForeignHalfIsNamed) {
  Files tensors = Factors(kKohya);
  tensors["unet.conv_in.lora_A.weight"] = at::ones({2, 4, 3, 3});
  tensors["unet.conv_in.lora_B.weight"] = at::ones({8, 2, 1, 1});
  const auto adapter = ReadIt(tensors);
  ASSERT_TRUE(adapter.ok()) << adapter.status();
  EXPECT_EQ(adapter->of(AdapterPart::kUNet).size(), 2u);
  tensors["unet.conv_in.oft_blocks"] = at::ones({2, 4, 4});
  EXPECT_THAT(MistakeIn(tensors),
              HasSubstr("unet.conv_in.oft_blocks: is of an OFT or BOFT adapter"));
  tensors.erase("unet.conv_in.oft_blocks");
  tensors["unet.conv_inn.lora_A.weight"] = at::ones({2, 4, 3, 3});
  EXPECT_THAT(MistakeIn(tensors), HasSubstr("conv_inn.lora_A.weight: this model's unet has no such "
                                            "layer, the nearest is unet.conv_in"));
}

TEST(AdapterFileTest, TheSameLayerInTwoGrammarsIsNamed) {
  Files tensors = Factors(kKohya);
  tensors["unet." + kCross + ".lora_A.weight"] = at::ones({4, 6});
  EXPECT_THAT(MistakeIn(tensors), HasSubstr("says again what"));
}

}  // namespace
}  // namespace draftp
