#include "draftp/checkpoint/sdxl_sizes.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "draftp/checkpoint/clip_sizes.h"
#include "draftp/checkpoint/shape_reader.h"

namespace draftp {
namespace {

using nlohmann::json;

constexpr int64_t kHeadWidth = 64;

// One side of the UNet: its blocks' types, and the transformers' depth behind each of their
// resnets.
struct Side {
  json types = json::array(), depths = json::array();
  std::vector<int64_t> resnets;
  std::string attention;  // a block of transformers that there is
};

Side ReadSide(const ShapeReader& shapes, const std::string& blocks, const std::string& kind) {
  Side side;
  const int64_t count = shapes.Count(blocks + ".", ".resnets.0.conv1.weight");
  for (int64_t i = 0; i < count; ++i) {
    const std::string block = absl::StrCat(blocks, ".", i);
    const int64_t resnets = shapes.Count(block + ".resnets.", ".conv1.weight");
    const std::string transformers = block + ".attentions.";
    json depths = json::array();
    bool attends = false;
    for (int64_t j = 0; j < resnets; ++j) {
      const int64_t depth =
          shapes.Count(absl::StrCat(transformers, j, ".transformer_blocks."), ".attn2.to_k.weight");
      depths.push_back(std::max<int64_t>(depth, 1));
      attends = attends || depth > 0;
    }
    if (attends && side.attention.empty()) side.attention = transformers + "0";
    side.types.push_back(absl::StrCat(attends ? "CrossAttn" : "", kind));
    side.depths.push_back(std::move(depths));
    side.resnets.push_back(resnets);
  }
  return side;
}

// A list of lists as ReadDepths takes it: one number where all of a block are the same.
json Depths(const json& depths) {
  json short_form = json::array();
  for (const json& block : depths) {
    const bool same = std::ranges::all_of(block, [&](const json& d) { return d == block[0]; });
    if (!same) return depths;
    short_form.push_back(block.empty() ? json(1) : block[0]);
  }
  return short_form;
}

void AddTransformers(ShapeReader& shapes, const Side& down, const Side& up, json& config) {
  const std::string mid = "mid_block.attentions.0";
  const int64_t mid_depth = shapes.Count(mid + ".transformer_blocks.", ".attn2.to_k.weight");
  const std::string any = mid_depth > 0             ? mid
                          : !down.attention.empty() ? down.attention
                                                    : up.attention;
  config["transformer_layers_per_block"] = Depths(down.depths);
  if (mid_depth == 0) {
    config["mid_block_type"] =
        shapes.Has("mid_block.resnets.0.conv1.weight") ? json("UNetMidBlock2D") : json(nullptr);
  }
  json reversed = json::array();  // what diffusers takes for the way up
  for (auto block = down.depths.rbegin(); block != down.depths.rend(); ++block) {
    reversed.push_back(*block);
    if (!block->empty()) reversed.back().push_back(block->back());
  }
  if (reversed != up.depths) config["reverse_transformer_layers_per_block"] = Depths(up.depths);
  if (any.empty()) return;
  config["cross_attention_dim"] = shapes.Of(any + ".transformer_blocks.0.attn2.to_k.weight", 2)[1];
  config["use_linear_projection"] = shapes.Dimensions(any + ".proj_in.weight") == 2;
}

}  // namespace

absl::StatusOr<json> UNetSizes(const WeightMap& weights) {
  ShapeReader shapes(weights);
  const Side down = ReadSide(shapes, "down_blocks", "DownBlock2D"),
             up = ReadSide(shapes, "up_blocks", "UpBlock2D");
  const auto in = shapes.Of("conv_in.weight", 4), out = shapes.Of("conv_out.weight", 4);
  json channels = json::array(), heads = json::array();
  for (size_t i = 0; i < down.resnets.size(); ++i) {
    const int64_t width =
        shapes.Of(absl::StrCat("down_blocks.", i, ".resnets.0.conv1.weight"), 4)[0];
    channels.push_back(width);
    heads.push_back(std::max<int64_t>(width / kHeadWidth, 1));
  }
  json config = {{"_class_name", "UNet2DConditionModel"},
                 {"act_fn", "silu"},
                 {"attention_head_dim", heads},
                 {"block_out_channels", channels},
                 {"conv_in_kernel", in[2]},
                 {"conv_out_kernel", out[2]},
                 {"down_block_types", down.types},
                 {"flip_sin_to_cos", true},
                 {"freq_shift", 0},
                 {"in_channels", in[1]},
                 {"layers_per_block", down.resnets},
                 {"norm_eps", 1e-5},
                 {"norm_num_groups", 32},
                 {"out_channels", out[0]},
                 {"sample_size", 128},
                 {"time_embedding_dim", shapes.Of("time_embedding.linear_2.weight", 2)[0]},
                 {"up_block_types", up.types}};
  if (shapes.Has("add_embedding.linear_1.weight")) {
    config["addition_embed_type"] = "text_time";
    config["addition_time_embed_dim"] = 256;
    config["projection_class_embeddings_input_dim"] =
        shapes.Of("add_embedding.linear_1.weight", 2)[1];
  }
  AddTransformers(shapes, down, up, config);
  if (!shapes.status().ok()) return shapes.status();
  return config;
}

absl::StatusOr<json> VaeSizes(const WeightMap& weights) {
  ShapeReader shapes(weights);
  const int64_t levels = shapes.Count("decoder.up_blocks.", ".resnets.0.conv1.weight");
  json channels = json::array(), down = json::array(), up = json::array();
  for (int64_t i = levels; i > 0; --i) {
    channels.push_back(
        shapes.Of(absl::StrCat("decoder.up_blocks.", i - 1, ".resnets.0.conv1.weight"), 4)[0]);
    down.push_back("DownEncoderBlock2D");
    up.push_back("UpDecoderBlock2D");
  }
  const int64_t resnets = shapes.Count("decoder.up_blocks.0.resnets.", ".conv1.weight");
  json config = {
      {"_class_name", "AutoencoderKL"},
      {"act_fn", "silu"},
      {"block_out_channels", channels},
      {"down_block_types", down},
      {"in_channels", 3},
      {"latent_channels", shapes.Of("decoder.conv_in.weight", 4)[1]},
      {"layers_per_block", resnets - 1},
      {"mid_block_add_attention", shapes.Has("decoder.mid_block.attentions.0.to_q.weight")},
      {"norm_num_groups", 32},
      {"out_channels", shapes.Of("decoder.conv_out.weight", 4)[0]},
      {"sample_size", 1024},
      {"scaling_factor", 0.13025},
      {"up_block_types", up},
      {"use_post_quant_conv", shapes.Has("post_quant_conv.weight")},
      {"use_quant_conv", shapes.Has("quant_conv.weight")}};
  if (!shapes.status().ok()) return shapes.status();
  return config;
}

absl::StatusOr<json> SdxlTextSizes(const WeightMap& weights, bool second) {
  absl::StatusOr<json> config = ClipTextSizes(weights);
  if (!config.ok()) return config.status();
  ShapeReader shapes(weights);
  const int64_t width = config->at("hidden_size").get<int64_t>();
  config->update({{"architectures", {second ? "CLIPTextModelWithProjection" : "CLIPTextModel"}},
                  {"bos_token_id", 0},
                  {"eos_token_id", 2},
                  {"hidden_act", second ? "gelu" : "quick_gelu"},
                  {"layer_norm_eps", 1e-5},
                  {"model_type", "clip_text_model"},
                  {"num_attention_heads", std::max<int64_t>(width / kHeadWidth, 1)},
                  {"pad_token_id", 1},
                  {"projection_dim", width}});
  if (second) (*config)["projection_dim"] = shapes.Of("text_projection.weight", 2)[0];
  if (!shapes.status().ok()) return shapes.status();
  return config;
}

}  // namespace draftp
