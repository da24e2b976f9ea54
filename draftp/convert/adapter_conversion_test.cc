#include "draftp/convert/adapter_conversion.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/convert/test_convert.h"
#include "draftp/io/test_files.h"
#include "draftp/testing/hash_tensor.h"

namespace draftp::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kAdapters = "testdata/adapters/";

Adapter ForTiny(const std::string& path) {
  return ReadFittedAdapter(path, LayersOfBase(kTinyModel).value()).value();
}

absl::Status ConvertTiny(const std::string& in, const std::string& format, const std::string& out,
                         std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"--in",  in,  "--format", format,
                                        "--out", out, "--base",   kTinyModel};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return RunConvertWith(arguments);
}

void ExpectSameAdapter(const Adapter& got, const Adapter& expected) {
  for (size_t part = 0; part < expected.parts.size(); ++part) {
    ASSERT_EQ(got.parts[part].size(), expected.parts[part].size());
    for (const auto& [path, change] : expected.parts[part]) {
      ASSERT_TRUE(got.parts[part].contains(path)) << path;
      const LayerChange& other = got.parts[part].at(path);
      EXPECT_EQ(other.scale, change.scale) << path;
      ASSERT_EQ(other.items.size(), change.items.size()) << path;
      for (const auto& [role, item] : change.items) {
        EXPECT_EQ(other.at(role).scalar_type(), item.tensor.scalar_type()) << path;
        EXPECT_TRUE(at::equal(other.at(role).flatten(), item.tensor.flatten())) << path;
      }
    }
  }
}

class AdapterRoundTripTest : public ::testing::TestWithParam<const char*> {};

// Bits, dtypes and scales, there and back again.
TEST_P(AdapterRoundTripTest, IsExact) {
  const TemporaryFolder folder;
  const std::string original = kAdapters + GetParam(), kohya = folder / "kohya.safetensors",
                    diffusers = folder / "diffusers", again = folder / "again.safetensors";
  ASSERT_TRUE(ConvertTiny(original, "lora_kohya", kohya).ok());
  ASSERT_TRUE(ConvertTiny(kohya, "lora_diffusers", diffusers).ok());
  ASSERT_TRUE(ConvertTiny(diffusers, "lora_kohya", again).ok());
  const Adapter expected = ForTiny(original);
  ExpectSameAdapter(ForTiny(kohya), expected);
  ExpectSameAdapter(ForTiny(diffusers), expected);
  EXPECT_EQ(SafetensorsFile::Open(again).value()->metadata().at("sshs_model_hash"),
            SafetensorsFile::Open(kohya).value()->metadata().at("sshs_model_hash"));
  ExpectSameAdapter(ForTiny(again), expected);
  ASSERT_TRUE(ConvertTiny(again, "lora_diffusers", folder / "twice").ok());
  EXPECT_EQ(Contents(folder / "twice/pytorch_lora_weights.safetensors"),
            Contents(diffusers + "/pytorch_lora_weights.safetensors"));
}

INSTANTIATE_TEST_SUITE_P(Files, AdapterRoundTripTest,
                         ::testing::Values("peft", "patterns.safetensors", "kohya.safetensors",
                                           "text_encoders.safetensors"));

TEST(AdapterConversion, KeysAreOfTheFormat) {
  const TemporaryFolder folder;
  const std::string original = kAdapters + "text_encoders.safetensors",
                    kohya = folder / "k.safetensors", diffusers = folder / "d.safetensors";
  ASSERT_TRUE(ConvertTiny(original, "lora_kohya", kohya).ok());
  const auto names = SafetensorsFile::Open(kohya).value()->names();
  EXPECT_THAT(names, Each(StartsWith("lora_")));
  EXPECT_THAT(
      names,
      AllOf(Contains("lora_unet_middle_block_1_transformer_blocks_1_attn2_to_k.alpha"),
            Contains("lora_te1_text_model_encoder_layers_1_self_attn_q_proj.lora_down.weight"),
            Contains("lora_te2_text_model_encoder_layers_1_self_attn_v_proj.lora_up.weight")));
  ASSERT_TRUE(ConvertTiny(kohya, "lora_diffusers", diffusers).ok());
  const auto file = SafetensorsFile::Open(diffusers).value();
  EXPECT_THAT(file->names(),
              Contains("text_encoder.text_model.encoder.layers.1.self_attn.q_proj.lora_A.weight"));
  EXPECT_THAT(file->metadata().at("lora_adapter_metadata"),
              AllOf(HasSubstr("\"unet.lora_alpha\""), HasSubstr("\"text_encoder_2.r\"")));
}

TEST(AdapterConversion, MetadataStayWhereTheyAreTrue) {
  const TemporaryFolder folder;
  const std::string stem = "lora_unet_conv_out", in = folder / "in.safetensors";
  ASSERT_TRUE(WriteSafetensors(in,
                               {{stem + ".lora_down.weight", HashTensor("a", {2, 64, 3, 3})},
                                {stem + ".lora_up.weight", HashTensor("b", {4, 2, 1, 1})},
                                {stem + ".alpha", at::full({}, 0.1, at::kDouble)}},
                               {{"ss_tag_frequency", "{}"},
                                {"sshs_model_hash", "of other bytes"},
                                {"ss_network_dim", "7"},
                                {"modelspec.title", "A title"}})
                  .ok());
  ASSERT_TRUE(ConvertTiny(in, "lora_diffusers", folder / "d.safetensors").ok());
  auto metadata = SafetensorsFile::Open(folder / "d.safetensors").value()->metadata();
  EXPECT_EQ(metadata.at("ss_tag_frequency"), "{}");
  EXPECT_FALSE(metadata.contains("sshs_model_hash"));
  ASSERT_TRUE(ConvertTiny(folder / "d.safetensors", "lora_kohya", folder / "k.safetensors").ok());
  metadata = SafetensorsFile::Open(folder / "k.safetensors").value()->metadata();
  EXPECT_EQ(metadata.at("modelspec.title"), "A title");
  EXPECT_EQ(metadata.at("ss_network_dim"), "2");
  EXPECT_EQ(metadata.at("ss_network_alpha"), "0.1");
  EXPECT_EQ(metadata.at("ss_output_name"), "k");
  EXPECT_FALSE(metadata.contains("modelspec.architecture"));  // the tiny model isn't SDXL
  ExpectSameAdapter(ForTiny(folder / "k.safetensors"), ForTiny(in));
}

// A layer of each kind that isn't a LoRA of two factors.
std::map<std::string, at::Tensor> OtherKinds() {
  const std::string q = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q",
                    k = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_k",
                    v = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_v";
  return {{"unet.conv_out.lora_down.weight", HashTensor("1", {2, 64, 1, 1})},
          {"unet.conv_out.lora_up.weight", HashTensor("2", {4, 2, 1, 1})},
          {"unet.conv_out.lora_mid.weight", HashTensor("3", {2, 2, 3, 3})},
          {q + ".hada_w1_a", HashTensor("4", {128, 2})},
          {q + ".hada_w1_b", HashTensor("5", {2, 128})},
          {q + ".hada_w2_a", HashTensor("6", {128, 2})},
          {q + ".hada_w2_b", HashTensor("7", {2, 128})},
          {q + ".alpha", at::full({}, 3.0)},
          {k + ".lokr_w1", HashTensor("8", {4, 4})},
          {k + ".lokr_w2_a", HashTensor("9", {32, 2})},
          {k + ".lokr_w2_b", HashTensor("10", {2, 32})},
          {v + ".lora_A.weight", HashTensor("11", {2, 128})},
          {v + ".lora_B.weight", HashTensor("12", {128, 2})},
          {v + ".lora_magnitude_vector", HashTensor("13", {128})},
          {"unet.conv_norm_out.w_norm", HashTensor("14", {64})},
          {"unet.conv_norm_out.b_norm", HashTensor("15", {64})},
          {"unet.conv_in.diff", HashTensor("16", {64, 4, 3, 3})},
          {"unet.conv_in.diff_b", HashTensor("17", {64})}};
}

TEST(AdapterConversion, KohyasNamesHoldEveryKind) {
  const TemporaryFolder folder;
  const std::string in = folder / "in.safetensors", out = folder / "out";
  ASSERT_TRUE(WriteSafetensors(in, OtherKinds()).ok());
  ASSERT_TRUE(ConvertTiny(in, "lora_kohya", out).ok());
  const std::string file = out + "/kohya_lora.safetensors";
  ExpectSameAdapter(ForTiny(file), ForTiny(in));
  const auto opened = SafetensorsFile::Open(file).value();
  EXPECT_THAT(opened->names(), AllOf(Contains("lora_unet_out_0.w_norm"),
                                     Contains("lora_unet_input_blocks_0_0.diff_b")));
  EXPECT_EQ(opened->metadata().at("ss_network_module"), "lycoris.kohya");
}

TEST(AdapterConversion, WhatDiffusersHasNoPlaceForIsNamed) {
  const TemporaryFolder folder;
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"conv_out", "a LoRA with Tucker's core"},
      {"to_q", "a LoHa"},
      {"to_k", "a LoKr"},
      {"to_v", "a DoRA"},
      {"conv_norm_out", "a whole difference"},
      {"conv_in", "a whole difference"}};
  for (const auto& [layer, kind] : kinds) {
    auto tensors = OtherKinds();
    std::erase_if(tensors, [&layer = layer](const auto& item) {
      return item.first.find("." + layer + ".") == std::string::npos;
    });
    const std::string in = folder / layer + ".safetensors";
    ASSERT_TRUE(WriteSafetensors(in, tensors).ok());
    EXPECT_THAT(ConvertTiny(in, "lora_diffusers", folder / "out"),
                FailsWith(": is of " + kind + ", expected LoRAs of two factors"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

// As SD 1's tools write linear layers, and others flatten convolutions.
TEST(AdapterConversion, FactorsTakeTheirLayersShape) {
  const TemporaryFolder folder;
  const std::string in = folder / "in.safetensors", out = folder / "out.safetensors",
                    linear = "unet.mid_block.attentions.0.proj_in";
  const at::Tensor a = HashTensor("a", {2, 576}), b = HashTensor("b", {4, 2});
  ASSERT_TRUE(WriteSafetensors(in, {{linear + ".lora_A.weight", HashTensor("c", {2, 128, 1, 1})},
                                    {linear + ".lora_B.weight", HashTensor("d", {128, 2, 1, 1})},
                                    {"unet.conv_out.lora_A.weight", a},
                                    {"unet.conv_out.lora_B.weight", b}})
                  .ok());
  ASSERT_TRUE(ConvertTiny(in, "lora_diffusers", out, {"--dtype", "bfloat16"}).ok());
  const auto file = SafetensorsFile::Open(out).value();
  EXPECT_EQ(file->Tensor(linear + ".lora_B.weight")->sizes(), at::IntArrayRef({128, 2}));
  EXPECT_EQ(file->Tensor("unet.conv_out.lora_B.weight")->sizes(), at::IntArrayRef({4, 2, 1, 1}));
  EXPECT_TRUE(at::equal(*file->Tensor("unet.conv_out.lora_A.weight"),
                        a.reshape({2, 64, 3, 3}).to(at::kBFloat16)));
}

// Without --base, the layers are those of SDXL base.
TEST(AdapterConversion, LayersAreSdxlBases) {
  const TemporaryFolder folder;
  const std::string in = folder / "in.safetensors", out = folder / "out.safetensors",
                    key = "down_blocks.2.attentions.1.transformer_blocks.9.attn2.to_k";
  ASSERT_TRUE(WriteSafetensors(in, {{key + ".lora_A.weight", HashTensor("a", {1, 2048})},
                                    {key + ".lora_B.weight", HashTensor("b", {1280, 1})}})
                  .ok());
  ASSERT_TRUE(RunConvertWith({"--in", in, "--format", "lora_kohya", "--out", out}).ok());
  const auto file = SafetensorsFile::Open(out).value();
  EXPECT_EQ(file->names()[0], "lora_unet_input_blocks_8_1_transformer_blocks_9_attn2_to_k.alpha");
  EXPECT_EQ(file->metadata().at("modelspec.architecture"), "stable-diffusion-xl-v1-base/lora");
  EXPECT_THAT(ConvertTiny(in, "lora_kohya", folder / "tiny"),
              FailsWith("this model's unet has no such layer"));
}

TEST(AdapterConversion, FlagsThatDontGoTogether) {
  const auto fails = [](const char* flag, const char* value) {
    return RunConvertWith({"--in", "x", "--format", "lora_kohya", "--out", "y", flag, value});
  };
  EXPECT_THAT(fails("--merge_lora", "z"),
              FailsWith("--merge_lora: found it beside --format lora_kohya"));
  EXPECT_THAT(fails("--unet", "z"), FailsWith("--format: found lora_kohya beside the path"));
}

}  // namespace
}  // namespace draftp::testing
