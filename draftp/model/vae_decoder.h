// AutoencoderKL's decoder: latents to images, differentiable.
#ifndef DRAFTP_MODEL_VAE_DECODER_H_
#define DRAFTP_MODEL_VAE_DECODER_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/kernels/placement.h"
#include "draftp/model/attention.h"
#include "draftp/model/layers.h"
#include "draftp/model/resnet.h"
#include "draftp/model/vae_config.h"
#include "draftp/model/visit_weights.h"
#include "draftp/sampling/piece_policy.h"

namespace draftp {

// Single-head self-attention over pixels behind a group norm.
struct VaeAttention {
  NormWeights norm;
  AttentionWeights attention;
};

struct VaeMidBlock {
  ResnetWeights first;
  std::optional<VaeAttention> attention;
  ResnetWeights second;
};

struct VaeUpBlock {
  std::vector<ResnetWeights> resnets;    // layers_per_block + 1
  std::optional<ConvWeights> upsampler;  // after doubling height and width; none in the last block
};

// Members in the order in which they act. Plain tensors: the copies of a VaeDecoder share them.
struct VaeDecoder {
  VaeConfig config;
  std::optional<ConvWeights> post_quant_conv;
  ConvWeights conv_in;
  VaeMidBlock mid_block;
  std::vector<VaeUpBlock> up_blocks;
  NormWeights norm_out;
  ConvWeights conv_out;
  std::shared_ptr<const WeightOrigin> origin = nullptr;  // what was loaded; null without files

  // The layers that a config asks for, as shapes without storage (device meta).
  static VaeDecoder Skeleton(const VaeConfig& config);

  // From a folder with config.json and diffusion_pytorch_model.safetensors (or what WeightMap finds
  // in its place), whose names may be those of older diffusers (HuggingFaceLayout).
  static absl::StatusOr<VaeDecoder> Load(const std::string& dir, const Placement& placement);

  // From the tensors of `weights` by diffusers' names; those of the encoder (`encoder.`,
  // `quant_conv.`) are never touched. A missing, mis-shaped or unused tensor is an error that names
  // it, and so is float16, in which SDXL's decoder overflows.
  static absl::StatusOr<VaeDecoder> FromWeights(const VaeConfig& config, WeightMap weights,
                                                const Placement& placement);

  at::Device device() const { return norm_out.weight.device(); }
};

// By diffusers' names.
template <MaybeConst<VaeMidBlock> W, class F>
void VisitWeights(const std::string& name, W& block, F&& visit) {
  VisitWeights(name + ".resnets.0", block.first, visit);
  if (block.attention) {
    visit(name + ".attentions.0.group_norm", block.attention->norm);
    VisitWeights(name + ".attentions.0", block.attention->attention, visit);
  }
  VisitWeights(name + ".resnets.1", block.second, visit);
}

template <MaybeConst<VaeUpBlock> W, class F>
void VisitWeights(const std::string& name, W& block, F&& visit) {
  for (size_t i = 0; i < block.resnets.size(); ++i) {
    VisitWeights(name + ".resnets." + std::to_string(i), block.resnets[i], visit);
  }
  if (block.upsampler) visit(name + ".upsamplers.0.conv", *block.upsampler);
}

// Calls visit(name, layer) for every layer, with its path in the checkpoint.
template <MaybeConst<VaeDecoder> W, class F>
void VisitWeights(W& decoder, F&& visit) {
  if (decoder.post_quant_conv) visit("post_quant_conv", *decoder.post_quant_conv);
  visit("decoder.conv_in", decoder.conv_in);
  VisitWeights("decoder.mid_block", decoder.mid_block, visit);
  for (size_t i = 0; i < decoder.up_blocks.size(); ++i) {
    VisitWeights("decoder.up_blocks." + std::to_string(i), decoder.up_blocks[i], visit);
  }
  visit("decoder.conv_norm_out", decoder.norm_out);
  visit("decoder.conv_out", decoder.conv_out);
}

// What each piece of DecodeOptions::pieces reads, in order of the forward pass: the mid block's and
// the up blocks' weights.
std::vector<std::vector<at::Tensor>> PieceWeights(const VaeDecoder& decoder);

struct DecodeOptions {
  // Of each block; the decoder must outlive the backward pass.
  AnyPiecePolicy pieces = {};
  // Elements of a band of rows in which a block of one picture is computed, without gradients,
  // where its widest tensor has more (banded_blocks.h): a third less memory. 0: blocks are computed
  // whole.
  int64_t band = 0;
};

// The decoder's blocks. x [B,C,h,w] -> [B,C,h,w], and [B,C',2h,2w] ([B,C',h,w] without upsampler).
at::Tensor RunVaeMidBlock(const at::Tensor& x, const VaeMidBlock& block);
at::Tensor RunVaeUpBlock(const at::Tensor& x, const VaeUpBlock& block);

// Latents of the sampler to latents of the VAE, in x's dtype [B,C,h,w]: x / scaling_factor +
// shift_factor, or x * latents_std / scaling_factor + latents_mean where the config has them
// (diffusers' StableDiffusionXLPipeline, and for shift_factor StableDiffusion3Pipeline).
at::Tensor UnscaleLatents(const at::Tensor& x, const VaeConfig& config);

// AutoencoderKL.decode: z [B,latent_channels,h,w] -> [B,3,fh,fw], about [-1,1], unclamped, in the
// decoder's dtype; f = config.Downsampling(). z is converted to the decoder's dtype and may be of
// any memory format.
at::Tensor DecodeRaw(const VaeDecoder& decoder, const at::Tensor& z,
                     const DecodeOptions& options = {});

// clamp((raw + 1) / 2, 0, 1) * 255, in float32, or float64 where raw is.
at::Tensor ToPixels(const at::Tensor& raw);

// Latents as a sampler leaves them [B,latent_channels,h,w] -> image [B,3,fh,fw] in [0,255], float32
// (or float64 with a float64 decoder): ToPixels(DecodeRaw(UnscaleLatents(latents))). Gradients flow
// to the latents, zero where a pixel is clamped.
at::Tensor Decode(const VaeDecoder& decoder, const at::Tensor& latents,
                  const DecodeOptions& options = {});

}  // namespace draftp

#endif  // DRAFTP_MODEL_VAE_DECODER_H_
