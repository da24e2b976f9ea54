#include "draftp/checkpoint/other_model.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace draftp {
namespace {

// A name, or a part of one, that only one kind of file has.
struct Mark {
  std::string_view text, kind;
};

// The first that some name contains counts: adapters and videos before the models that they are of.
constexpr std::array<Mark, 26> kMarks = {
    {{".lora_A.", "a LoRA; --lora takes it"},
     {".lora_down.", "a LoRA; --lora takes it"},
     {".lora_up.", "a LoRA; --lora takes it"},
     {".lora.up.", "a LoRA; --lora takes it"},
     {"_lora.up.", "a LoRA; --lora takes it"},
     {".hada_w1_", "a LoHa adapter; --lora takes it"},
     {".lokr_w", "a LoKr adapter; --lora takes it"},
     {".oft_blocks", "an OFT adapter"},
     {"control_model.", "a ControlNet"},
     {"controlnet_cond_embedding.", "a ControlNet"},
     {"input_hint_block.", "a ControlNet"},
     {"ip_adapter.", "an IP-Adapter"},
     {"motion_modules.", "a motion module of a video model"},
     {".time_stack.", "a video model"},
     {"temporal_transformer_blocks.", "a video model"},
     {"double_blocks.0.img_attn.", "a Flux model or one of its kind"},
     {"single_transformer_blocks.0.", "a Flux model or one of its kind"},
     {"joint_blocks.0.", "Stable Diffusion 3"},
     {"transformer_blocks.0.attn.add_q_proj.", "Stable Diffusion 3"},
     {"down_blocks.0.0.channelwise.", "Stable Cascade"},
     {"adaln_single.", "a diffusion transformer (PixArt, LTX-Video)"},
     {"caption_projection.", "a diffusion transformer"},
     {"cond_stage_model.transformer.", "Stable Diffusion 1.x"},
     {"cond_stage_model.model.", "Stable Diffusion 2.x"},
     {"conditioner.embedders.0.model.", "SDXL's refiner"},
     {"prior_text_proj", "an unCLIP prior"}}};

int64_t Size(const WeightMap& weights, const std::string& name, size_t dimension) {
  const auto shape = weights.Shape(name);
  return shape.ok() && dimension < shape->size() ? (*shape)[dimension] : 0;
}

// Of a UNet by sgm's names, what its input and its conditioning tell.
std::string OtherUNet(const WeightMap& weights) {
  for (const char* prefix : {"model.diffusion_model.", "diffusion_model.", ""}) {
    const std::string in = absl::StrCat(prefix, "input_blocks.0.0.weight");
    if (!weights.Contains(in)) continue;
    const int64_t channels = Size(weights, in, 1);
    const std::string label = absl::StrCat(prefix, "label_emb.0.0.weight");
    const int64_t added = Size(weights, label, 1);
    const std::string attention = ".1.transformer_blocks.0.attn2.to_k.weight";
    int64_t context = 0;
    for (int block = 1; block < 9 && context == 0; ++block)
      context = Size(weights, absl::StrCat(prefix, "input_blocks.", block, attention), 1);
    if (channels == 9) return "an inpainting model, whose UNet takes 9 channels";
    if (channels == 8) return "a model that edits pictures, whose UNet takes 8 channels";
    if (added == 2560) return "SDXL's refiner";
    if (added == 0 && context == 768) return "Stable Diffusion 1.x";
    if (added == 0 && context == 1024) return "Stable Diffusion 2.x";
    return "";
  }
  return "";
}

}  // namespace

std::string OtherModel(const WeightMap& weights) {
  const std::vector<std::string> names = weights.names();
  for (const auto& [text, kind] : kMarks) {
    const bool found = std::ranges::any_of(
        names, [&](const std::string& name) { return name.find(text) != std::string::npos; });
    if (found) return std::string(kind);
  }
  for (const std::string& name : names) {
    const auto shape = weights.Shape(name);
    if (shape.ok() && shape->size() == 5) return "a video model, whose convolutions have 3 sides";
  }
  if (weights.Contains("clip_g") || weights.Contains("emb_params"))
    return "a textual inversion's embedding";
  return OtherUNet(weights);
}

}  // namespace draftp
