#include "draftp/model/layers.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_nearest2d.h>

#include <array>

namespace draftp {
namespace {

at::TensorOptions Meta() { return at::TensorOptions().device(at::kMeta); }

at::Tensor Convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                    int64_t stride, int64_t padding) {
  const std::array<int64_t, 2> strides{stride, stride};
  const std::array<int64_t, 2> paddings{padding, padding};
  return at::conv2d(x, weight, bias, strides, paddings);
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

at::Tensor Conv2d(const at::Tensor& x, const ConvWeights& weights, const AdapterRows& rows) {
  at::Tensor y =
      Convolve(x, weights.weight, weights.bias, weights.stride, weights.padding);  // [R,out,h',w']
  for (const AdapterRange& range : rows) {
    const int64_t end = EndRow(range, x.size(0));
    const LoraLayer* lora = FindLora(weights.adapters, range.adapter);
    if (lora == nullptr || range.begin == end) continue;
    const bool all = range.begin == 0 && end == x.size(0);
    const at::Tensor input = all ? x : x.narrow(0, range.begin, end - range.begin);
    const auto dtype = x.scalar_type();
    const at::Tensor inner =
        Convolve(input, lora->a.to(dtype), {}, weights.stride, weights.padding);
    const at::Tensor delta = Convolve(inner, lora->b.to(dtype), {}, 1, 0);
    const double scale = lora->scale * range.scale;
    if (all) {
      y = y.add(delta, scale);
    } else {
      y.narrow(0, range.begin, end - range.begin).add_(delta, scale);
    }
  }
  return y;
}

at::Tensor GroupNorm(const at::Tensor& x, const NormWeights& weights) {
  return at::group_norm(x, weights.groups, weights.weight, weights.bias, weights.eps);
}

at::Tensor LayerNorm(const at::Tensor& x, const NormWeights& weights) {
  const std::array<int64_t, 1> shape{x.size(-1)};
  return at::layer_norm(x, shape, weights.weight, weights.bias, weights.eps);
}

at::Tensor Silu(const at::Tensor& x) { return at::silu(x); }

at::Tensor GroupNormSilu(const at::Tensor& x, const NormWeights& weights) {
  return at::silu(GroupNorm(x, weights));
}

at::Tensor ResizeNearest(const at::Tensor& x, int64_t height, int64_t width) {
  const std::array<int64_t, 2> size{height, width};
  return at::upsample_nearest2d(x, size);
}

}  // namespace draftp
