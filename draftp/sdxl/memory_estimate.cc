#include "draftp/sdxl/memory_estimate.h"

#include <algorithm>
#include <vector>

#include "draftp/model/banded_blocks.h"
#include "draftp/model/visit_weights.h"

namespace draftp {
namespace {

int64_t In(const ConvWeights& layer) { return layer.weight.size(1); }
int64_t Out(const ConvWeights& layer) { return layer.weight.size(0); }

// Whether a layer's own gradient needs its input.
template <class Layer>
bool Trains(const Layer& layer) {
  if (layer.weight.requires_grad()) return true;
  if constexpr (requires { layer.adapters; }) {
    for (const auto& lora : layer.adapters) {
      if (lora && lora->a.requires_grad()) return true;
    }
  }
  return false;
}

// Walks a network in the order of its forward pass and adds up what autograd keeps. A tensor counts
// where the operator that keeps it reads it.
class Keeper {
 public:
  Keeper(bool recompute, bool differentiable, bool on_gpu = false)
      : recompute_(recompute), on_gpu_(on_gpu), differentiable_(differentiable) {}

  // A convolution's input, which on a GPU is kept where it trains (kernels/frozen_convolution.h).
  int64_t Conv(const ConvWeights& conv, int64_t pixels) const {
    return on_gpu_ && !Trains(conv) ? 0 : pixels * In(conv);
  }
  // SiLU's input, too; the norm's is counted by who calls.
  int64_t NormSiluConv(const ConvWeights& conv, int64_t pixels) const {
    return Conv(conv, pixels) + (on_gpu_ ? 0 : pixels * In(conv));
  }

  // Widths that a gated GELU of four keeps beside its input.
  int64_t GatedGelu() const { return on_gpu_ ? 0 : 4; }

  // What stays whether pieces are recomputed or not.
  void Keep(int64_t elements) {
    if (differentiable_) result_.kept += elements;
  }
  // What a piece keeps inside: dropped where it is recomputed, and then there a second time.
  void KeepInside(int64_t elements) {
    if (!differentiable_) return;
    (recompute_ ? inside_ : result_.kept) += elements;
  }
  void EndPiece() {
    Pass(inside_);
    inside_ = 0;
  }
  void Pass(int64_t elements) { result_.passing = std::max(result_.passing, elements); }
  void Trained(bool trains) { differentiable_ = differentiable_ || trains; }

  const KeptElements& result() const { return result_; }

 private:
  const bool recompute_, on_gpu_;
  bool differentiable_;
  int64_t inside_ = 0;
  KeptElements result_;
};

// Norm, SiLU and convolution twice; the first norm's input is the resnet's.
void KeepInsideResnet(const ResnetWeights& weights, int64_t pixels, Keeper& keeper) {
  keeper.Trained(Trains(weights.conv1) || Trains(weights.conv2));
  keeper.KeepInside(keeper.NormSiluConv(weights.conv1, pixels) + pixels * Out(weights.conv1) +
                    keeper.NormSiluConv(weights.conv2, pixels));
}

void KeepResnet(const ResnetWeights& weights, int64_t pixels, Keeper& keeper) {
  keeper.Trained(Trains(weights.conv1));
  keeper.Keep(pixels * In(weights.conv1));
  KeepInsideResnet(weights, pixels, keeper);
  keeper.EndPiece();
}

// Keys, values, queries and result; what the projections read where they train.
void KeepAttention(const AttentionWeights& attention, int64_t tokens, int64_t source, int64_t width,
                   Keeper& keeper) {
  const bool normed = Trains(attention.to_q) ||
                      (attention.cross_index < 0 && Trains(attention.to_k)) ||
                      (attention.cross_index < 0 && Trains(attention.to_v));
  keeper.Trained(normed || Trains(attention.to_k) || Trains(attention.to_v));
  keeper.KeepInside((normed ? tokens * width : 0) + 2 * tokens * width + 2 * source * width +
                    tokens * attention.heads);
  keeper.Trained(Trains(attention.to_out));
}

void KeepTransformer(const TransformerWeights& weights, int64_t pixels, int64_t prompt,
                     Keeper& keeper) {
  const int64_t channels = weights.norm.weight.numel(), image = pixels * channels;
  keeper.Trained(Trains(weights.proj_in));
  keeper.Keep(image + (Trains(weights.proj_in) ? image : 0));
  for (const TransformerBlockWeights& block : weights.blocks) {
    keeper.Trained(Trains(block.attn1.to_q) || Trains(block.attn1.to_k));
    keeper.Keep(image);
    KeepAttention(block.attn1, pixels, block.attn1.cross_index < 0 ? pixels : prompt, channels,
                  keeper);
    keeper.KeepInside(image);  // what norm2 reads
    KeepAttention(block.attn2, pixels, prompt, channels, keeper);
    keeper.Trained(Trains(block.ff.proj));
    // What norm3 reads; values and gates; gelu(gates), and their product where its reader trains.
    keeper.KeepInside(image * (1 + (Trains(block.ff.proj) ? 1 : 0) + 8 + keeper.GatedGelu() +
                               (Trains(block.ff.out) ? 4 : 0)));
    keeper.EndPiece();
  }
  if (Trains(weights.proj_out)) keeper.Keep(image);
}

// Sizes of the UNet's levels, from the image's side downwards.
struct Grid {
  int64_t height, width;

  Grid Half() const { return {(height + 1) / 2, (width + 1) / 2}; }
  int64_t pixels() const { return height * width; }
};

std::vector<Grid> Grids(int64_t height, int64_t width, size_t levels) {
  std::vector<Grid> grids = {{height, width}};
  while (grids.size() < levels) grids.push_back(grids.back().Half());
  return grids;
}

void KeepBlock(const UNetBlockWeights& block, int64_t pixels, int64_t prompt, Keeper& keeper) {
  for (size_t i = 0; i < block.resnets.size(); ++i) {
    KeepResnet(block.resnets[i], pixels, keeper);
    if (i < block.attentions.size()) KeepTransformer(block.attentions[i], pixels, prompt, keeper);
  }
}

}  // namespace

KeptElements KeptByUNet(const UNet& unet, const UNetCall& call) {
  Keeper keeper(call.recompute, call.differentiable_input, call.on_gpu);
  const size_t levels = unet.down_blocks.size();
  const std::vector<Grid> grids = Grids(call.height, call.width, levels);
  keeper.Trained(Trains(unet.conv_in));
  keeper.Keep(keeper.Conv(unet.conv_in, grids[0].pixels()));
  for (size_t i = 0; i < levels; ++i) {
    const UNetBlockWeights& block = unet.down_blocks[i];
    KeepBlock(block, grids[i].pixels(), call.tokens, keeper);
    if (block.resampler) keeper.Keep(keeper.Conv(*block.resampler, grids[i].pixels()));
  }
  KeepBlock(unet.mid_block, grids.back().pixels(), call.tokens, keeper);
  for (size_t i = 0; i < levels; ++i) {
    const UNetBlockWeights& block = unet.up_blocks[i];
    const size_t level = levels - 1 - i;
    KeepBlock(block, grids[level].pixels(), call.tokens, keeper);
    if (block.resampler) keeper.Keep(keeper.Conv(*block.resampler, grids[level - 1].pixels()));
  }
  const int64_t last = grids[0].pixels() * In(unet.conv_out);
  keeper.Keep(last + keeper.NormSiluConv(unet.conv_out, grids[0].pixels()));
  keeper.Pass(2 * last);
  return keeper.result();
}

KeptElements KeptByDecoder(const VaeDecoder& decoder, int64_t height, int64_t width, bool recompute,
                           bool on_gpu) {
  Keeper keeper(recompute, /*differentiable=*/true, on_gpu);
  int64_t pixels = height * width;
  keeper.Keep(pixels * decoder.config.latent_channels + keeper.Conv(decoder.conv_in, pixels));
  const VaeMidBlock& mid = decoder.mid_block;
  const int64_t channels = In(mid.first.conv1);
  keeper.Keep(pixels * channels);
  KeepInsideResnet(mid.first, pixels, keeper);
  if (mid.attention) {
    keeper.KeepInside(pixels * channels);  // what its norm reads
    KeepAttention(mid.attention->attention, pixels, pixels, channels, keeper);
  }
  keeper.KeepInside(pixels * channels);
  KeepInsideResnet(mid.second, pixels, keeper);
  keeper.EndPiece();
  for (const VaeUpBlock& block : decoder.up_blocks) {
    for (size_t i = 0; i < block.resnets.size(); ++i) {
      const int64_t input = pixels * In(block.resnets[i].conv1);
      i == 0 ? keeper.Keep(input) : keeper.KeepInside(input);
      KeepInsideResnet(block.resnets[i], pixels, keeper);
    }
    if (block.upsampler) {
      pixels *= 4;
      keeper.KeepInside(keeper.Conv(*block.upsampler, pixels));
    }
    keeper.EndPiece();
  }
  const int64_t last = pixels * In(decoder.conv_out);
  constexpr int64_t kOfPixels = 2 * 3;  // as they leave the decoder, and scaled
  keeper.Keep(last + keeper.NormSiluConv(decoder.conv_out, pixels) + kOfPixels * pixels);
  keeper.Pass(2 * last);
  return keeper.result();
}

KeptElements KeptByImageTower(const ClipImage& tower, bool recompute) {
  const ClipLayerConfig& layer = tower.config.layer;
  const int64_t tokens = 1 + tower.config.Grid() * tower.config.Grid();
  const int64_t width = tokens * layer.hidden_size;
  // x sigmoid(1.702 x) keeps both factors.
  const int64_t activations = layer.activation == ClipActivation::kQuickGelu ? 2 : 1;
  Keeper keeper(recompute, /*differentiable=*/true);
  keeper.Keep(width);
  for (int64_t i = 0; i < tower.config.num_layers; ++i) {
    keeper.Keep(width);
    keeper.KeepInside(5 * width + tokens * layer.num_heads +
                      activations * tokens * layer.intermediate_size);
    keeper.EndPiece();
  }
  keeper.Pass(4 * width);
  return keeper.result();
}

namespace {

// Input, its padded copy, first result, shortcut; then the second convolution's.
int64_t ResnetWorkspace(const ResnetWeights& weights, int64_t pixels) {
  const int64_t in = In(weights.conv1), out = Out(weights.conv1);
  const int64_t shortcut = weights.conv_shortcut ? out : 0;
  return pixels * (in + shortcut + std::max(in + out, 3 * out));
}

int64_t TransformerWorkspace(const TransformerWeights& weights, int64_t pixels) {
  // Image, tokens, normed tokens, values and gates, their product.
  return pixels * weights.norm.weight.numel() * (3 + 8 + 4);
}

int64_t BlockWorkspace(const UNetBlockWeights& block, int64_t pixels) {
  int64_t most = 0;
  for (const ResnetWeights& resnet : block.resnets)
    most = std::max(most, ResnetWorkspace(resnet, pixels));
  for (const TransformerWeights& t : block.attentions)
    most = std::max(most, TransformerWorkspace(t, pixels));
  return most;
}

}  // namespace

int64_t UNetWorkspace(const UNetConfig& config, int64_t height, int64_t width) {
  const UNet unet = UNet::Skeleton(config);
  const size_t levels = unet.down_blocks.size();
  const std::vector<Grid> grids = Grids(height, width, levels);
  int64_t most = 0;
  int64_t skips = grids[0].pixels() * Out(unet.conv_in);
  for (size_t i = 0; i < levels; ++i) {
    const UNetBlockWeights& block = unet.down_blocks[i];
    most = std::max(most, skips + BlockWorkspace(block, grids[i].pixels()));
    for (const ResnetWeights& resnet : block.resnets)
      skips += grids[i].pixels() * Out(resnet.conv1);
    if (block.resampler) skips += grids[i + 1].pixels() * Out(*block.resampler);
  }
  most = std::max(most, skips + BlockWorkspace(unet.mid_block, grids.back().pixels()));
  for (size_t i = 0; i < levels; ++i) {
    const UNetBlockWeights& block = unet.up_blocks[i];
    const size_t level = levels - 1 - i;
    most = std::max(most, skips + BlockWorkspace(block, grids[level].pixels()));
    // A skip is what a resnet's input has beyond what comes from below.
    int64_t hidden =
        i == 0 ? config.levels.back().channels : Out(unet.up_blocks[i - 1].resnets.back().conv1);
    for (const ResnetWeights& resnet : block.resnets) {
      skips -= grids[level].pixels() * (In(resnet.conv1) - hidden);
      hidden = Out(resnet.conv1);
    }
    if (block.resampler) most = std::max(most, skips + 2 * grids[level - 1].pixels() * hidden);
  }
  return most;
}

int64_t DecoderWorkspace(const VaeConfig& config, int64_t height, int64_t width) {
  const VaeDecoder decoder = VaeDecoder::Skeleton(config);
  int64_t most = 0;
  int64_t pixels = height * width;
  most = std::max(most, ResnetWorkspace(decoder.mid_block.first, pixels));
  for (const VaeUpBlock& block : decoder.up_blocks) {
    const int64_t input = pixels * In(block.resnets.front().conv1);
    for (size_t i = 0; i < block.resnets.size(); ++i)
      most = std::max(most, (i == 0 ? 0 : input) + ResnetWorkspace(block.resnets[i], pixels));
    if (!block.upsampler) continue;
    most = std::max(most,
                    input + pixels * 2 * In(*block.upsampler) + 4 * pixels * Out(*block.upsampler));
    pixels *= 4;
  }
  return most;
}

int64_t BandedDecoderWorkspace(const VaeConfig& config, int64_t height, int64_t width) {
  const VaeDecoder decoder = VaeDecoder::Skeleton(config);
  int64_t pixels = height * width;
  int64_t most = ResnetWorkspace(decoder.mid_block.first, pixels);
  const auto hold = [&most](int64_t elements, int64_t widest) {
    // A band of what is normalised, of its result, and of what the convolution works in.
    most = std::max(most, elements + 3 * std::min(widest, kDecodedBand));
  };
  for (const VaeUpBlock& block : decoder.up_blocks) {
    for (const ResnetWeights& resnet : block.resnets) {
      const int64_t in = In(resnet.conv1), out = Out(resnet.conv1);
      hold(pixels * (in + out + (resnet.conv_shortcut ? out : 0)), pixels * std::max(in, out));
    }
    if (!block.upsampler) continue;
    hold(pixels * (In(*block.upsampler) + 4 * Out(*block.upsampler)),
         4 * pixels * In(*block.upsampler));
    pixels *= 4;
  }
  return most;
}

namespace {

int64_t BytesOf(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<int64_t>(tensor.nbytes()) : 0;
}

struct AddBytes {
  int64_t& bytes;

  void operator()(const std::string&, const LinearWeights& layer) const {
    bytes += BytesOf(layer.weight) + BytesOf(layer.bias) + kernels::BytesOf(layer.packed);
  }
  void operator()(const std::string&, const ConvWeights& layer) const {
    bytes += BytesOf(layer.weight) + BytesOf(layer.bias) + kernels::BytesOf(layer.packed);
  }
  void operator()(const std::string&, const NormWeights& layer) const {
    bytes += BytesOf(layer.weight) + BytesOf(layer.bias);
  }
};

template <class Layers>
int64_t LayerBytes(const Layers& layers) {
  int64_t bytes = 0;
  for (const ClipLayer& layer : layers) VisitWeights("", layer, AddBytes{bytes});
  return bytes;
}

}  // namespace

int64_t WeightBytes(const UNet& unet) {
  int64_t bytes = 0;
  VisitWeights(unet, AddBytes{bytes});
  return bytes;
}

int64_t WeightBytes(const VaeDecoder& decoder) {
  int64_t bytes = 0;
  VisitWeights(decoder, AddBytes{bytes});
  return bytes;
}

int64_t WeightBytes(const ClipText& tower) {
  int64_t bytes =
      LayerBytes(tower.layers) + BytesOf(tower.token_embedding) + BytesOf(tower.position_embedding);
  if (tower.projection) AddBytes{bytes}("", *tower.projection);
  return bytes;
}

int64_t WeightBytes(const SdxlTextEncoders& encoders) {
  return WeightBytes(encoders.first) + WeightBytes(encoders.second);
}

int64_t WeightBytes(const ClipImage& tower) {
  int64_t bytes = LayerBytes(tower.layers) + BytesOf(tower.position_embedding);
  AddBytes{bytes}("", tower.patch_embedding);
  if (tower.projection) AddBytes{bytes}("", *tower.projection);
  return bytes;
}

}  // namespace draftp
