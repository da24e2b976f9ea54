#include "draftp/adapter/adapter_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "draftp/checkpoint/sgm_names.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;
using enum AdapterRole;

// The blocks of SDXL base, with one layer of each kind where they are alike.
std::vector<std::string> SdxlUNetPaths() {
  std::vector<std::string> paths = {"conv_in",
                                    "conv_norm_out",
                                    "conv_out",
                                    "time_embedding.linear_1",
                                    "time_embedding.linear_2",
                                    "add_embedding.linear_1",
                                    "add_embedding.linear_2"};
  const auto add_resnet = [&](const std::string& path) {
    for (const char* layer : {"norm1", "conv1", "time_emb_proj", "norm2", "conv2", "conv_shortcut"})
      paths.push_back(path + "." + layer);
  };
  const auto add_attention = [&](const std::string& path) {
    for (const char* layer :
         {"norm", "proj_in", "proj_out", "transformer_blocks.1.attn1.to_q",
          "transformer_blocks.1.attn1.to_out.0", "transformer_blocks.1.ff.net.0.proj"})
      paths.push_back(path + "." + layer);
  };
  const auto add_block = [&](const std::string& block, int resnets, bool attentions) {
    for (int j = 0; j < resnets; ++j) {
      add_resnet(block + ".resnets." + std::to_string(j));
      if (attentions) add_attention(block + ".attentions." + std::to_string(j));
    }
  };
  for (int i = 0; i < 3; ++i) {
    add_block("down_blocks." + std::to_string(i), 2, i > 0);
    if (i < 2) paths.push_back("down_blocks." + std::to_string(i) + ".downsamplers.0.conv");
    add_block("up_blocks." + std::to_string(i), 3, i < 2);
    if (i < 2) paths.push_back("up_blocks." + std::to_string(i) + ".upsamplers.0.conv");
  }
  add_resnet("mid_block.resnets.0");
  add_attention("mid_block.attentions.0");
  add_resnet("mid_block.resnets.1");
  return paths;
}

const AdapterKeys& Sdxl() {
  static const AdapterKeys* const keys = new AdapterKeys(
      {SdxlUNetPaths(),
       {"text_model.encoder.layers.0.self_attn.q_proj", "text_model.encoder.layers.0.mlp.fc1"},
       {"text_model.encoder.layers.31.self_attn.out_proj", "text_projection"}});
  return *keys;
}

std::string LayerOf(const std::string& key) {
  const auto parsed = Sdxl().Parse(key);
  if (!parsed.ok()) return std::string(parsed.status().message());
  return std::string(PartName(parsed->part)) + ":" + parsed->path;
}

// formats.md D1, as kohya's sdxl_model_util.py and ComfyUI's utils.py have it.
TEST(SgmUNetPlacesTest, IsTheOriginalsOfEveryKindOfLayer) {
  const std::vector<std::string> paths = SdxlUNetPaths();
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"conv_in", "input_blocks.0.0"},
      {"down_blocks.0.resnets.0.norm1", "input_blocks.1.0.in_layers.0"},
      {"down_blocks.0.resnets.1.conv1", "input_blocks.2.0.in_layers.2"},
      {"down_blocks.0.downsamplers.0.conv", "input_blocks.3.0.op"},
      {"down_blocks.1.resnets.0.conv_shortcut", "input_blocks.4.0.skip_connection"},
      {"down_blocks.1.attentions.1.proj_in", "input_blocks.5.1.proj_in"},
      {"down_blocks.1.downsamplers.0.conv", "input_blocks.6.0.op"},
      {"down_blocks.2.attentions.1.proj_out", "input_blocks.8.1.proj_out"},
      {"mid_block.resnets.0.conv2", "middle_block.0.out_layers.3"},
      {"mid_block.attentions.0.norm", "middle_block.1.norm"},
      {"mid_block.resnets.1.time_emb_proj", "middle_block.2.emb_layers.1"},
      {"up_blocks.0.resnets.0.norm2", "output_blocks.0.0.out_layers.0"},
      {"up_blocks.0.attentions.2.proj_in", "output_blocks.2.1.proj_in"},
      {"up_blocks.0.upsamplers.0.conv", "output_blocks.2.2.conv"},
      {"up_blocks.1.upsamplers.0.conv", "output_blocks.5.2.conv"},
      {"up_blocks.2.resnets.2.conv1", "output_blocks.8.0.in_layers.2"},
      {"conv_norm_out", "out.0"},
      {"conv_out", "out.2"},
      {"time_embedding.linear_2", "time_embed.2"},
      {"add_embedding.linear_1", "label_emb.0.0"}};
  const SgmUNetPlaces places(paths);
  for (const auto& [path, sgm] : expected) EXPECT_EQ(places.Of(path), sgm) << path;
  EXPECT_EQ(places.Of("elsewhere.0.x.1.y"), std::nullopt);
}

// The grammars of formats.md D2, by their rows.
TEST(AdapterKeysTest, TakesEveryGrammar) {
  const std::string attention = "unet:down_blocks.1.attentions.0.transformer_blocks.1.attn1.";
  const std::string to_q = attention + "to_q", to_out = attention + "to_out.0";
  const std::string q_proj = "text_encoder:text_model.encoder.layers.0.self_attn.q_proj";
  const std::string out_proj = "text_encoder_2:text_model.encoder.layers.31.self_attn.out_proj";
  const std::string sgm = "input_blocks_4_1_transformer_blocks_1_attn1_to_q",
                    dots = "down_blocks.1.attentions.0.transformer_blocks.1.attn1.",
                    bars = "down_blocks_1_attentions_0_transformer_blocks_1_attn1_";
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"lora_unet_" + sgm + ".lora_down.weight", to_q},                                   // 1
      {"lora_te1_text_model_encoder_layers_0_self_attn_q_proj.alpha", q_proj},            // 1
      {"lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight", q_proj},    // 1
      {"lora_te2_text_model_encoder_layers_31_self_attn_out_proj.dora_scale", out_proj},  // 1
      {"lora_te2_text_projection.lora_up.weight", "text_encoder_2:text_projection"},
      {"lora_unet_" + bars + "to_out_0.lora_up.weight", to_out},  // 2
      {"lora_unet_input_blocks_3_0_op.lora_mid.weight", "unet:down_blocks.0.downsamplers.0.conv"},
      {"lora_unet_output_blocks_2_2_conv.lora_mid.weight", "unet:up_blocks.0.upsamplers.0.conv"},
      {"unet." + dots + "to_q.lora_A.weight", to_q},  // 4
      {"text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_B.weight", q_proj},
      {"unet." + dots + "processor.to_q_lora.down.weight", to_q},  // 5
      {dots + "processor.to_out_lora.up.weight", to_out},
      {"text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.up.weight", q_proj},
      {"text_encoder.encoder.layers.0.self_attn.q_proj.lora_linear_layer.up.weight", q_proj},
      {dots + "to_q.lora.down.weight", to_q},  // 6
      {"unet." + dots + "to_out.0.lora_linear_layer.up.weight", to_out},
      {"base_model.model." + dots + "to_q.lora_A.weight", to_q},  // 7
      {"base_model.model." + dots + "to_q.lora_magnitude_vector", to_q},
      {"base_model.model." + dots + "to_q.lora_A.default.weight", to_q},
      {"diffusion_model.input_blocks.4.1.transformer_blocks.1.attn1.to_q.lora_up.weight", to_q},
      {"text_encoders.clip_g.transformer.text_model.encoder.layers.31.self_attn.out_proj.diff",
       out_proj},
      {"lycoris_" + bars + "to_q.lokr_w1", to_q},  // 9
      {"lora_unet_" + sgm + ".lora_A.3", to_q}};   // 10
  for (const auto& [key, layer] : expected) EXPECT_EQ(LayerOf(key), layer) << key;
}

TEST(AdapterKeysTest, EndingsSayTheRole) {
  const auto role = [](const std::string& key) { return Sdxl().Parse("unet.conv_in" + key)->role; };
  EXPECT_EQ(role(".lora_A.weight"), kDown);
  EXPECT_EQ(role(".lora.up.weight"), kUp);
  EXPECT_EQ(role(".hada_w2_b"), kHadaW2B);
  EXPECT_EQ(role(".w_norm"), kDiff);
  EXPECT_EQ(role(".diff_b"), kDiffOfBias);
  EXPECT_EQ(role(".lora_magnitude_vector"), kMagnitude);
  EXPECT_EQ(Sdxl().Parse("unet.conv_in.lora_B.7")->piece, 7);
}

TEST(AdapterKeysTest, AKeyOfNoLayerNamesTheNearest) {
  EXPECT_THAT(LayerOf("lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_qq.alpha"),
              HasSubstr("no such layer, the nearest is unet.down_blocks.1.attentions.0."
                        "transformer_blocks.1.attn1.to_q"));
  EXPECT_THAT(LayerOf("lora_unet_xyz.alpha"), HasSubstr("another model"));
}

TEST(AdapterKeysTest, KindsThatAreNotReadAreNamed) {
  for (const auto& [ending, kind] :
       std::map<std::string, std::string>{{"oft_blocks", "an OFT or BOFT"},
                                          {"oft_R", "an OFT"},
                                          {"oft_r", "an OFT"},
                                          {"boft_R", "a BOFT"},
                                          {"a1.weight", "a GLoRA"},
                                          {"on_input", "an IA3"},
                                          {"ia3_l", "an IA3"},
                                          {"vera_lambda_b", "a VeRA"},
                                          {"hra_u", "an HRA"}}) {
    EXPECT_THAT(LayerOf("base_model.model.conv_in." + ending),
                HasSubstr("is of " + kind + " adapter, expected LoRA"));
  }
  EXPECT_THAT(LayerOf("conv_in.weight"), HasSubstr("is no key of an adapter"));
}

TEST(AdapterKeysTest, KnowsTheKeysOfOtherModels) {
  EXPECT_EQ(OtherModelOf("lora_unet_double_blocks_0_img_attn_proj.alpha"), "Flux");
  EXPECT_EQ(OtherModelOf("transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight"),
            "Flux");
  EXPECT_EQ(OtherModelOf("lora_unet_joint_blocks_0_x.alpha"), "Stable Diffusion 3");
  EXPECT_EQ(OtherModelOf("lora_unet_input_blocks_4_1_proj_in.alpha"), "");
}

TEST(AdapterKeysTest, WithoutAModelDottedPathsStandAsTheyAre) {
  const auto key = AdapterKeys().Parse("unet.x.processor.to_out_lora.up.weight");
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->path, "x.to_out.0");
  EXPECT_THAT(AdapterKeys().Parse("lora_unet_conv_in.alpha").status().ToString(),
              HasSubstr("kohya"));
}

}  // namespace
}  // namespace draftp
