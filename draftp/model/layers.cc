#include "draftp/model/layers.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/silu.h>

#include "draftp/adapter/add_adapters.h"
#include "draftp/kernels/group_norm.h"
#include "draftp/kernels/layer_norm.h"

namespace draftp {
namespace {

at::TensorOptions Meta() { return at::TensorOptions().device(at::kMeta); }

kernels::ProductWeights WeightsOf(const ConvWeights& weights) {
  return {weights.weight, weights.packed};
}

kernels::ConvolutionShape ShapeOf(const ConvWeights& weights) {
  return {.stride = weights.stride, .padding = weights.padding, .resizes = weights.resizes};
}

// The adapters of `weights` on their rows, where there are any: lives as long as the epilogue that
// refers to it.
class Adapters {
 public:
  Adapters(const ConvWeights& weights, const AdapterRows& rows) : weights_(weights), rows_(rows) {}

  kernels::Epilogue Epilogue(const ConvAddends& addends) const {
    kernels::Epilogue epilogue{
        .bias = weights_.bias, .channels = addends.channels, .residual = addends.pixels};
    if (!rows_.empty() && !weights_.adapters.empty()) epilogue.adapters = *this;
    return epilogue;
  }

  void operator()(const at::Tensor& y, const at::Tensor& x) const {
    AddAdapters(
        y, x, /*tokens=*/1, weights_.adapters, rows_,
        [this](at::Tensor part, const at::Tensor& input, const LoraLayer& lora, double scale) {
          const at::ScalarType dtype = input.scalar_type();
          const at::Tensor none,
              inner = kernels::PlainConvolution(input, lora.a.to(dtype), none, ShapeOf(weights_));
          part.add_(kernels::PlainConvolution(inner, lora.b.to(dtype), none, {}), scale);
        });
  }

 private:
  const ConvWeights& weights_;
  const AdapterRows& rows_;
};

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

ConvWeights ResizeConvSkeleton(int64_t in, int64_t out) {
  ConvWeights weights = ConvSkeleton(in, out, 3);
  weights.resizes = true;
  return weights;
}

at::Tensor Conv2d(const at::Tensor& x, const ConvWeights& weights, const AdapterRows& rows,
                  const ConvAddends& addends) {
  const Adapters adapters(weights, rows);
  return kernels::Convolution(x, WeightsOf(weights), ShapeOf(weights), adapters.Epilogue(addends));
}

at::Tensor GroupNorm(const at::Tensor& x, const NormWeights& weights) {
  return kernels::GroupNorm(x, weights.weight, weights.bias, weights.groups, weights.eps,
                            /*silu=*/false);
}

at::Tensor LayerNorm(const at::Tensor& x, const NormWeights& weights) {
  return kernels::LayerNorm(x, weights.weight, weights.bias, weights.eps);
}

at::Tensor Silu(const at::Tensor& x) { return at::silu(x); }

at::Tensor GroupNormSilu(const at::Tensor& x, const NormWeights& weights) {
  return kernels::GroupNorm(x, weights.weight, weights.bias, weights.groups, weights.eps,
                            /*silu=*/true);
}

at::Tensor NormSiluConv2d(const at::Tensor& x, const NormWeights& norm, const ConvWeights& weights,
                          const AdapterRows& rows, const ConvAddends& addends) {
  const Adapters adapters(weights, rows);
  return kernels::NormSiluConvolution(x, {norm.weight, norm.bias, norm.groups, norm.eps},
                                      WeightsOf(weights), ShapeOf(weights),
                                      adapters.Epilogue(addends));
}

void Conv2dRows(const at::Tensor& x, const ConvWeights& weights, int64_t begin, kernels::Rows rows,
                const at::Tensor& y) {
  kernels::ConvolutionRows(x, WeightsOf(weights), ShapeOf(weights), weights.bias, begin, rows, y);
}

at::Tensor ResizeConv2d(const at::Tensor& x, int64_t height, int64_t width,
                        const ConvWeights& weights, const AdapterRows& rows) {
  const Adapters adapters(weights, rows);
  return kernels::ResizedConvolution(x, height, width, WeightsOf(weights), ShapeOf(weights),
                                     adapters.Epilogue({}));
}

}  // namespace draftp
