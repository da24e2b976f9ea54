#include "draftp/model/layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_nearest2d.h>

#include <array>
#include <utility>

#include "draftp/adapter/add_adapters.h"
#include "draftp/kernels/cuda_layers.h"
#include "draftp/model/linear.h"

namespace draftp {
namespace {

at::TensorOptions Meta() { return at::TensorOptions().device(at::kMeta); }

at::Tensor Convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                    int64_t stride, int64_t padding) {
  const std::array<int64_t, 2> strides{stride, stride};
  const std::array<int64_t, 2> paddings{padding, padding};
  return at::conv2d(x, weight, bias, strides, paddings);
}

at::Tensor WithAdapters(at::Tensor y, const at::Tensor& x, const ConvWeights& weights,
                        const AdapterRows& rows) {
  AddAdapters(
      y, x, /*tokens=*/1, weights.adapters, rows,
      [&weights](at::Tensor part, const at::Tensor& input, const LoraLayer& lora, double scale) {
        const at::ScalarType dtype = input.scalar_type();
        const at::Tensor inner =
            Convolve(input, lora.a.to(dtype), {}, weights.stride, weights.padding);
        part.add_(Convolve(inner, lora.b.to(dtype), {}, 1, 0), scale);
      });
  return y;
}

cpu::Convolution PackedConvolution(const ConvWeights& weights) {
  return {weights.packed, weights.packed_winograd, weights.stride, weights.padding};
}

cpu::Norm NormOf(const NormWeights& weights) {
  return {weights.weight, weights.bias, weights.groups, weights.eps};
}

bool GroupsServedOnGpu(const at::Tensor& x, const NormWeights& weights) {
  return cuda::ServesChannels(x, x.size(1), weights.weight) &&
         x.size(1) / weights.groups <= cuda::kMostChannelsPerGroup;
}

at::Tensor OnGpu(const at::Tensor& x, const NormWeights& weights, bool silu) {
  return cuda::GroupNorm(x, weights.weight, weights.bias, weights.groups, weights.eps, silu);
}

at::Tensor BiasOf(const ConvWeights& weights, const ConvAddends& addends) {
  if (!addends.channels.defined()) return weights.bias;
  return weights.bias.defined() ? weights.bias + addends.channels : addends.channels;
}

}  // namespace

ConvWeights ConvSkeleton(int64_t in, int64_t out, int64_t kernel, int64_t stride, bool bias) {
  return {.weight = at::empty({out, in, kernel, kernel}, Meta()),
          .bias = bias ? at::empty({out}, Meta()) : at::Tensor(),
          .stride = stride,
          .padding = (kernel - 1) / 2};
}

NormWeights GroupNormSkeleton(int64_t channels, int64_t groups, double eps) {
  return {.weight = at::empty({channels}, Meta()),
          .bias = at::empty({channels}, Meta()),
          .groups = groups,
          .eps = eps};
}

NormWeights LayerNormSkeleton(int64_t channels, double eps) {
  return GroupNormSkeleton(channels, 0, eps);
}

at::Tensor Conv2d(const at::Tensor& x, const ConvWeights& weights, const AdapterRows& rows,
                  const ConvAddends& addends) {
  if (weights.packed.defined()) {
    TORCH_CHECK(cpu::Serves(x), kPackedForInference);
    return WithAdapters(
        cpu::Conv2d(x, PackedConvolution(weights), BiasOf(weights, addends), addends.pixels), x,
        weights, rows);
  }
  if (addends && cuda::ServesChannels(x, weights.weight.size(0), weights.weight)) {
    return cuda::AddToPixels(
        WithAdapters(Convolve(x, weights.weight, {}, weights.stride, weights.padding), x, weights,
                     rows),
        weights.bias, addends.channels, addends.pixels);
  }
  at::Tensor y = WithAdapters(
      Convolve(x, weights.weight, weights.bias, weights.stride, weights.padding), x, weights,
      rows);  // [R,out,h',w']
  if (addends.channels.defined()) y = y + addends.channels.unsqueeze(-1).unsqueeze(-1);
  return addends.pixels.defined() ? y + addends.pixels : y;
}

at::Tensor GroupNorm(const at::Tensor& x, const NormWeights& weights) {
  if (cpu::Serves(x)) return cpu::GroupNorm(x, NormOf(weights), /*silu=*/false);
  if (GroupsServedOnGpu(x, weights)) return OnGpu(x, weights, /*silu=*/false);
  return at::group_norm(x, weights.groups, weights.weight, weights.bias, weights.eps);
}

at::Tensor LayerNorm(const at::Tensor& x, const NormWeights& weights) {
  if (cpu::Serves(x)) return cpu::LayerNorm(x, NormOf(weights));
  if (cuda::ServesChannels(x, x.size(-1), weights.weight))
    return cuda::LayerNorm(x, weights.weight, weights.bias, weights.eps);
  const std::array<int64_t, 1> shape{x.size(-1)};
  return at::layer_norm(x, shape, weights.weight, weights.bias, weights.eps);
}

at::Tensor Silu(const at::Tensor& x) { return at::silu(x); }

at::Tensor GroupNormSilu(const at::Tensor& x, const NormWeights& weights) {
  if (cpu::Serves(x)) return cpu::GroupNorm(x, NormOf(weights), /*silu=*/true);
  if (GroupsServedOnGpu(x, weights)) return OnGpu(x, weights, /*silu=*/true);
  return at::silu(GroupNorm(x, weights));
}

at::Tensor NormSiluConv2d(const at::Tensor& x, const NormWeights& norm, const ConvWeights& weights,
                          const AdapterRows& rows, const ConvAddends& addends) {
  const bool adapted = !rows.empty() && !weights.adapters.empty();
  const bool fused = weights.packed.defined() && cpu::Serves(x) && !adapted;
  if (!fused) return Conv2d(GroupNormSilu(x, norm), weights, rows, addends);
  return cpu::NormSiluConv2d(x, NormOf(norm), PackedConvolution(weights), BiasOf(weights, addends),
                             addends.pixels);
}

at::Tensor ResizeConv2d(const at::Tensor& x, int64_t height, int64_t width,
                        const ConvWeights& weights, const AdapterRows& rows) {
  const bool doubled = height == 2 * x.size(2) && width == 2 * x.size(3);
  const bool adapted = !rows.empty() && !weights.adapters.empty();
  if (doubled && weights.packed_upsampling.defined() && cpu::Serves(x) && !adapted)
    return cpu::UpsampleConv2d(x, weights.packed_upsampling, weights.bias);
  const std::array<int64_t, 2> size{height, width};
  return Conv2d(at::upsample_nearest2d(x, size), weights, rows);
}

}  // namespace draftp
