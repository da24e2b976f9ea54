// AutoencoderKL's decoder: mid block, blocks that double the picture, and the scaling around them.
#include "draftp/model/vae_decoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "draftp/checkpoint/hugging_face_layout.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/kernels/placement.h"
#include "draftp/model/attention.h"
#include "draftp/model/banded_blocks.h"
#include "draftp/model/layers.h"
#include "draftp/model/linear.h"
#include "draftp/model/resnet.h"
#include "draftp/model/vae_config.h"
#include "draftp/model/visit_weights.h"
#include "draftp/model/weight_loader.h"

namespace draftp {
namespace {

// x [B,C,h,w] -> x + attention among its h*w pixels.
at::Tensor RunVaeAttention(const at::Tensor& x, const VaeAttention& block) {
  const at::Tensor normed = GroupNorm(x, block.norm);
  const at::Tensor pixels = normed.flatten(2).transpose(1, 2).contiguous();  // [B,hw,C]
  const at::Tensor mixed =
      Attend(pixels, ProjectKeysValues(pixels, block.attention), block.attention);
  return x + mixed.transpose(1, 2).view({x.size(0), x.size(1), x.size(2), x.size(3)});
}

// Values of a channel each as [1,C,1,1], like x.
at::Tensor PerChannel(const std::vector<double>& values, const at::Tensor& x) {
  const at::Tensor host = at::tensor(values, at::kDouble).to(x.scalar_type());
  return host.to(x.device()).view({1, -1, 1, 1});
}

VaeMidBlock MidBlockSkeleton(const VaeConfig& config, const ResnetOptions& options) {
  const int64_t channels = config.block_out_channels.back();
  VaeMidBlock block{.first = ResnetSkeleton(channels, channels, options),
                    .attention = std::nullopt,
                    .second = ResnetSkeleton(channels, channels, options)};
  if (config.mid_block_add_attention) {
    block.attention = {
        .norm = GroupNormSkeleton(channels, options.groups, options.eps),
        .attention = AttentionSkeleton(channels, channels, /*heads=*/1, /*qkv_bias=*/true)};
  }
  return block;
}

bool IsOfEncoder(const std::string& name) {
  return absl::StartsWith(name, "encoder.") || absl::StartsWith(name, "quant_conv.");
}

}  // namespace

VaeDecoder VaeDecoder::Skeleton(const VaeConfig& config) {
  const ResnetOptions options{.groups = config.norm_num_groups, .eps = 1e-6};
  const std::vector<int64_t>& channels = config.block_out_channels;
  const int64_t latent = config.latent_channels;
  VaeDecoder decoder{.config = config,
                     .post_quant_conv = std::nullopt,
                     .conv_in = ConvSkeleton(latent, channels.back(), 3),
                     .mid_block = MidBlockSkeleton(config, options),
                     .up_blocks = {},
                     .norm_out = GroupNormSkeleton(channels.front(), options.groups, options.eps),
                     .conv_out = ConvSkeleton(channels.front(), 3, 3)};
  if (config.use_post_quant_conv) decoder.post_quant_conv = ConvSkeleton(latent, latent, 1);
  int64_t in = channels.back();
  for (auto out = channels.rbegin(); out != channels.rend(); ++out) {
    VaeUpBlock block;
    for (int64_t i = 0; i <= config.layers_per_block; ++i) {
      block.resnets.push_back(ResnetSkeleton(i == 0 ? in : *out, *out, options));
    }
    if (std::next(out) != channels.rend()) block.upsampler = ResizeConvSkeleton(*out, *out);
    decoder.up_blocks.push_back(std::move(block));
    in = *out;
  }
  return decoder;
}

absl::StatusOr<VaeDecoder> VaeDecoder::Load(const std::string& dir, const Placement& placement) {
  const absl::StatusOr<VaeConfig> config = ReadVaeConfig(dir + "/config.json");
  if (!config.ok()) return config.status();
  absl::StatusOr<WeightMap> weights = WeightMap::Open(dir, "diffusion_pytorch_model");
  if (!weights.ok()) return weights.status();
  absl::StatusOr<WeightMap> named = HuggingFaceLayout::TodaysNames(*std::move(weights));
  if (!named.ok()) return named.status();
  return FromWeights(*config, *std::move(named), placement);
}

absl::StatusOr<VaeDecoder> VaeDecoder::FromWeights(const VaeConfig& config, WeightMap weights,
                                                   const Placement& placement) {
  TORCH_CHECK(placement.dtype != at::kHalf,
              "the VAE decoder overflows in float16, use float32 or bfloat16");
  VaeDecoder decoder = Skeleton(config);
  WeightLoader load(weights, placement);
  VisitWeights(decoder, load);
  if (absl::Status status = load.Finish(IsOfEncoder); !status.ok()) return status;
  decoder.origin = weights.Origin();
  return decoder;
}

std::vector<std::vector<at::Tensor>> PieceWeights(const VaeDecoder& decoder) {
  std::vector<std::vector<at::Tensor>> pieces = {TensorsOf(decoder.mid_block)};
  for (const VaeUpBlock& block : decoder.up_blocks) pieces.push_back(TensorsOf(block));
  return pieces;
}

at::Tensor RunVaeMidBlock(const at::Tensor& x, const VaeMidBlock& block) {
  at::Tensor hidden = Resnet(x, {}, block.first);
  if (block.attention) hidden = RunVaeAttention(hidden, *block.attention);
  return Resnet(hidden, {}, block.second);
}

at::Tensor RunVaeUpBlock(const at::Tensor& x, const VaeUpBlock& block) {
  at::Tensor hidden = x;
  for (const ResnetWeights& resnet : block.resnets) hidden = Resnet(hidden, {}, resnet);
  if (!block.upsampler) return hidden;
  return ResizeConv2d(hidden, 2 * hidden.size(2), 2 * hidden.size(3), *block.upsampler);
}

at::Tensor UnscaleLatents(const at::Tensor& x, const VaeConfig& config) {
  if (config.latents_mean.empty()) {
    const at::Tensor z = x / config.scaling_factor;
    return config.shift_factor == 0 ? z : z + config.shift_factor;
  }
  return x * PerChannel(config.latents_std, x) / config.scaling_factor +
         PerChannel(config.latents_mean, x);
}

at::Tensor DecodeRaw(const VaeDecoder& decoder, const at::Tensor& z, const DecodeOptions& options) {
  TORCH_CHECK(z.dim() == 4 && z.size(1) == decoder.config.latent_channels, "latents must be [B,",
              decoder.config.latent_channels, ",h,w], got ", z.sizes());
  const auto run = [&options](auto forward, const at::Tensor& x, const auto& block) {
    const auto piece = [forward, &block](at::TensorList in) { return forward(in[0], block); };
    return options.pieces(piece, {x}, [&block] { return TensorsOf(block); });
  };
  at::Tensor hidden = z.to(decoder.norm_out.weight.scalar_type())
                          .contiguous(at::MemoryFormat::ChannelsLast);  // [B,C,h,w]
  if (decoder.post_quant_conv) hidden = Conv2d(hidden, *decoder.post_quant_conv);
  hidden = run(RunVaeMidBlock, Conv2d(hidden, decoder.conv_in), decoder.mid_block);
  const auto in_bands = [&](int64_t elements) {
    return options.band > 0 && z.size(0) == 1 && elements > options.band &&
           !at::GradMode::is_enabled() && options.pieces.weights_stay();
  };
  for (const VaeUpBlock& block : decoder.up_blocks) {
    hidden = in_bands(hidden.numel() * (block.upsampler ? 4 : 1))
                 ? RunVaeUpBlockInBands(std::move(hidden), block, options.band)
                 : run(RunVaeUpBlock, hidden, block);
  }
  return in_bands(hidden.numel())  // [B,3,fh,fw]
             ? NormSiluConv2dInBands(hidden, decoder.norm_out, decoder.conv_out, options.band)
             : NormSiluConv2d(hidden, decoder.norm_out, decoder.conv_out);
}

at::Tensor ToPixels(const at::Tensor& raw) {
  const at::Tensor wide = raw.scalar_type() == at::kDouble ? raw : raw.to(at::kFloat);
  return at::clamp((wide + 1) / 2, 0, 1) * 255;
}

at::Tensor Decode(const VaeDecoder& decoder, const at::Tensor& latents,
                  const DecodeOptions& options) {
  return ToPixels(DecodeRaw(decoder, UnscaleLatents(latents, decoder.config), options));
}

}  // namespace draftp
