#include "draftp/convert/model_structure.h"

#include <absl/strings/str_cat.h>

#include <nlohmann/json.hpp>

#include "draftp/model/clip_text.h"
#include "draftp/model/unet.h"
#include "draftp/model/vae_decoder.h"

namespace draftp {
namespace {

// A visitor for VisitWeights: notes the shapes that files have.
class ShapeWriter {
 public:
  explicit ShapeWriter(TensorShapes& shapes) : shapes_(&shapes) {}

  template <LayerWeights W>
  void operator()(const std::string& name, const W& layer) const {
    std::vector<int64_t>& weight = (*shapes_)[name + ".weight"] = layer.weight.sizes().vec();
    if constexpr (requires { layer.pointwise_convolution; }) {
      if (layer.pointwise_convolution) weight.insert(weight.end(), {1, 1});
    }
    if (layer.bias.defined()) (*shapes_)[name + ".bias"] = layer.bias.sizes().vec();
  }

 private:
  TensorShapes* shapes_;
};

// AutoencoderKL's encoder, which no other program here needs: the decoder's way in reverse, with a
// resnet less in each block.
void AddVaeEncoder(JsonReader json, const VaeDecoder& decoder, TensorShapes& shapes) {
  const VaeConfig& config = decoder.config;
  const ResnetOptions options{.groups = config.norm_num_groups, .eps = 1e-6};
  const std::vector<int64_t>& channels = config.block_out_channels;
  const ShapeWriter write(shapes);
  write("encoder.conv_in", ConvSkeleton(json.Int("in_channels", 3), channels.front(), 3));
  int64_t in = channels.front();
  for (size_t i = 0; i < channels.size(); ++i) {
    const std::string block = absl::StrCat("encoder.down_blocks.", i);
    for (int64_t j = 0; j < config.layers_per_block; ++j) {
      const ResnetWeights resnet = ResnetSkeleton(in, channels[i], options);
      VisitWeights(absl::StrCat(block, ".resnets.", j), resnet, write);
      in = channels[i];
    }
    if (i + 1 < channels.size())
      write(block + ".downsamplers.0.conv", ConvSkeleton(in, in, 3, /*stride=*/2));
  }
  VisitWeights("encoder.mid_block", decoder.mid_block, write);
  write("encoder.conv_norm_out", GroupNormSkeleton(in, options.groups, options.eps));
  const int64_t moments = 2 * config.latent_channels;  // mean and log variance
  write("encoder.conv_out", ConvSkeleton(in, moments, 3));
  if (json.Bool("use_quant_conv", true)) write("quant_conv", ConvSkeleton(moments, moments, 1));
}

}  // namespace

absl::StatusOr<TensorShapes> ShapesOf(ModelPart part, const JsonReader& config) {
  TensorShapes shapes;
  const ShapeWriter write(shapes);
  if (part == ModelPart::kUNet) {
    const auto unet = ParseUNetConfig(config);
    if (!unet.ok()) return unet.status();
    const UNet skeleton = UNet::Skeleton(*unet);
    VisitWeights(skeleton, write);
  } else if (part == ModelPart::kVae) {
    const auto vae = ParseVaeConfig(config);
    if (!vae.ok()) return vae.status();
    const VaeDecoder skeleton = VaeDecoder::Skeleton(*vae);
    VisitWeights(skeleton, write);
    AddVaeEncoder(config, skeleton, shapes);
  } else {
    const auto text = ParseClipTextConfig(config);
    if (!text.ok()) return text.status();
    const ClipText skeleton = ClipText::Skeleton(*text);
    const std::string embeddings = "text_model.embeddings.";
    shapes[embeddings + "token_embedding.weight"] = skeleton.token_embedding.sizes().vec();
    shapes[embeddings + "position_embedding.weight"] = skeleton.position_embedding.sizes().vec();
    VisitWeights(skeleton, write);
  }
  return shapes;
}

const nlohmann::json& SdxlBaseConfigs() {
  static const auto* const configs = new nlohmann::json(nlohmann::json::parse(R"({
    "unet": {
      "_class_name": "UNet2DConditionModel", "sample_size": 128, "in_channels": 4,
      "out_channels": 4, "block_out_channels": [320, 640, 1280],
      "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
      "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
      "layers_per_block": 2, "cross_attention_dim": 2048, "attention_head_dim": [5, 10, 20],
      "use_linear_projection": true, "transformer_layers_per_block": [1, 2, 10],
      "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
      "projection_class_embeddings_input_dim": 2816},
    "vae": {
      "_class_name": "AutoencoderKL", "in_channels": 3, "out_channels": 3, "latent_channels": 4,
      "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
      "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D",
                           "DownEncoderBlock2D"],
      "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D",
                         "UpDecoderBlock2D"],
      "sample_size": 1024, "scaling_factor": 0.13025, "force_upcast": true},
    "text_encoder": {
      "architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "vocab_size": 49408,
      "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
      "num_attention_heads": 12, "max_position_embeddings": 77, "hidden_act": "quick_gelu",
      "layer_norm_eps": 1e-05, "projection_dim": 768, "bos_token_id": 0, "eos_token_id": 2,
      "pad_token_id": 1},
    "text_encoder_2": {
      "architectures": ["CLIPTextModelWithProjection"], "model_type": "clip_text_model",
      "vocab_size": 49408, "hidden_size": 1280, "intermediate_size": 5120,
      "num_hidden_layers": 32, "num_attention_heads": 20, "max_position_embeddings": 77,
      "hidden_act": "gelu", "layer_norm_eps": 1e-05, "projection_dim": 1280, "bos_token_id": 0,
      "eos_token_id": 2, "pad_token_id": 1},
    "scheduler": {
      "_class_name": "EulerDiscreteScheduler", "beta_end": 0.012,
      "beta_schedule": "scaled_linear", "beta_start": 0.00085, "interpolation_type": "linear",
      "num_train_timesteps": 1000, "prediction_type": "epsilon", "steps_offset": 1,
      "timestep_spacing": "leading", "trained_betas": null, "use_karras_sigmas": false}
  })"));
  return *configs;
}

}  // namespace draftp
