#include "draftp/checkpoint/other_model.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace draftp {
namespace {

using Shapes = std::map<std::string, std::vector<int64_t>>;

std::string Kind(const Shapes& shapes) {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, shape] : shapes) tensors[name] = at::empty({1}).expand(shape);
  return OtherModel(WeightMap::FromTensors(std::move(tensors)));
}

Shapes UNetOf(int64_t channels, int64_t context, int64_t added) {
  const std::string prefix = "model.diffusion_model.";
  Shapes shapes = {
      {prefix + "input_blocks.0.0.weight", {320, channels, 3, 3}},
      {prefix + "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight", {640, context}}};
  if (added > 0) shapes[prefix + "label_emb.0.0.weight"] = {1280, added};
  return shapes;
}

TEST(OtherModelTest, SdxlBaseIsNoOther) {
  EXPECT_EQ(Kind(UNetOf(4, 2048, 2816)), "");
  EXPECT_EQ(Kind({}), "");
}

// Widths of the published models (ComfyUI, comfy/supported_models.py).
TEST(OtherModelTest, TellsUNetsByWhatTheyTake) {
  EXPECT_EQ(Kind(UNetOf(9, 2048, 2816)), "an inpainting model, whose UNet takes 9 channels");
  EXPECT_EQ(Kind(UNetOf(8, 2048, 2816)),
            "a model that edits pictures, whose UNet takes 8 channels");
  EXPECT_EQ(Kind(UNetOf(4, 1280, 2560)), "SDXL's refiner");
  EXPECT_EQ(Kind(UNetOf(4, 768, 0)), "Stable Diffusion 1.x");
  EXPECT_EQ(Kind(UNetOf(4, 1024, 0)), "Stable Diffusion 2.x");
}

TEST(OtherModelTest, TellsOtherFilesByTheirNames) {
  for (const auto& [name, kind] : std::map<std::string, std::string>{
           {"lora_unet_input_blocks_4_1_proj_in.lora_down.weight", "a LoRA; --lora takes it"},
           {"unet.mid_block.attentions.0.proj_in.lora_A.weight", "a LoRA; --lora takes it"},
           {"lora_unet_mid.hada_w1_a", "a LoHa adapter; --lora takes it"},
           {"model.diffusion_model.double_blocks.0.img_attn.norm.key_norm.scale",
            "a Flux model or one of its kind"},
           {"joint_blocks.0.context_block.adaLN_modulation.1.weight", "Stable Diffusion 3"},
           {"conditioner.embedders.0.model.transformer.resblocks.9.ln_1.weight", "SDXL's refiner"},
           {"cond_stage_model.transformer.text_model.final_layer_norm.weight",
            "Stable Diffusion 1.x"},
           {"cond_stage_model.model.ln_final.weight", "Stable Diffusion 2.x"},
           {"control_model.zero_convs.0.0.weight", "a ControlNet"},
           {"down_blocks.0.motion_modules.0.norm.weight", "a motion module of a video model"},
           {"clip_g", "a textual inversion's embedding"}}) {
    EXPECT_EQ(Kind({{name, {4, 4}}}), kind) << name;
  }
  EXPECT_EQ(Kind({{"patch_embedding.weight", {1536, 16, 1, 2, 2}}}),
            "a video model, whose convolutions have 3 sides");
}

}  // namespace
}  // namespace draftp
