#include "draftp/kernels/product.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <c10/util/Exception.h>

#include <array>
#include <cmath>
#include <vector>

#include "draftp/kernels/elementwise.h"
#include "draftp/kernels/frozen_convolution.h"
#include "draftp/kernels/group_norm.h"
#include "draftp/kernels/operation.h"
#include "draftp/kernels/pixel_sum.h"
#include "draftp/kernels/residual_product.h"

namespace draftp::kernels {
namespace {

// The visitor that is the sum of these: a form of weights that it leaves out doesn't compile.
template <class... Fs>
struct ForEachForm : Fs... {
  using Fs::operator()...;
};

void CheckServed(const at::Tensor& x) {
  TORCH_CHECK(cpu::Serves(x),
              "the weights are packed for inference on a CPU: float32 input and no gradients");
}

// Packed kernels add what goes to every pixel and the bias as one.
at::Tensor BiasAndChannels(const Epilogue& epilogue) {
  if (!epilogue.channels.defined()) return epilogue.bias;
  return epilogue.bias.defined() ? epilogue.bias + epilogue.channels : epilogue.channels;
}

cpu::Convolution InPanels(const cpu::Panels& panels, const ConvolutionShape& shape) {
  return {panels.product, panels.winograd, shape.stride, shape.padding};
}

at::Tensor LinearOfPlain(const at::Tensor& x, const at::Tensor& weight, const Epilogue& epilogue) {
  const at::Tensor flat = x.reshape({-1, x.size(-1)});  // [M,in]
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = weight.size(0);
  const at::Tensor& residual = epilogue.residual;
  const bool in_one = ResidualProductServes(flat, weight, epilogue.bias, residual);
  const at::Tensor y = in_one ? ResidualProduct(flat, weight, epilogue.bias,
                                                residual.view({flat.size(0), weight.size(0)}),
                                                epilogue.into_residual)
                              : at::linear(flat, weight, epilogue.bias);  // [M,out]
  if (epilogue.adapters) epilogue.adapters(y, flat);
  if (!residual.defined() || in_one) return y.view(sizes);
  return epilogue.into_residual ? at::Tensor(residual).add_(y.view(sizes))
                                : y.view(sizes) + residual;
}

at::Tensor LinearOfPanels(const at::Tensor& x, const cpu::Panels& panels,
                          const Epilogue& epilogue) {
  CheckServed(x);
  const at::Tensor y = cpu::Linear(x, panels.product, epilogue.bias, epilogue.residual);
  if (epilogue.adapters) {
    const at::Tensor flat = x.reshape({-1, x.size(-1)});
    epilogue.adapters(y.view({flat.size(0), y.size(-1)}), flat);
  }
  return epilogue.into_residual ? at::Tensor(epilogue.residual).copy_(y) : y;
}

at::Tensor ConvolutionOfPlain(const at::Tensor& x, const at::Tensor& weight,
                              const ConvolutionShape& shape, const Epilogue& epilogue) {
  const bool more = epilogue.channels.defined() || epilogue.residual.defined();
  // Where one pass adds all, the bias is part of it.
  const bool at_once = more && PairsServedOnGpu(x, weight.size(0), weight);
  const at::Tensor none;
  const at::Tensor y = PlainConvolution(x, weight, at_once ? none : epilogue.bias, shape);
  if (epilogue.adapters) epilogue.adapters(y, x);
  if (!more) return y;
  return AddToPixels(y, at_once ? epilogue.bias : none, epilogue.channels, epilogue.residual);
}

at::Tensor ConvolutionOfPanels(const at::Tensor& x, const cpu::Panels& panels,
                               const ConvolutionShape& shape, const Epilogue& epilogue) {
  CheckServed(x);
  const at::Tensor y =
      cpu::Conv2d(x, InPanels(panels, shape), BiasAndChannels(epilogue), epilogue.residual);
  if (epilogue.adapters) epilogue.adapters(y, x);
  return y;
}

at::Tensor Doubled(const at::Tensor& x) {
  const std::array<int64_t, 2> size{2 * x.size(2), 2 * x.size(3)};
  return at::upsample_nearest2d(x, size);
}

// A convolution whose products are float16's, before its sum.
ScaledHalf ProductInHalf(const ScaledHalf& x, const ScaledHalf& weight,
                         const ConvolutionShape& shape) {
  TORCH_CHECK(!Recorded(x.values), "weights in float16 are for inference: no gradients");
  return {PlainConvolution(x.values, weight.values, {}, shape), x.exponent + weight.exponent};
}

at::Tensor SumOf(const ScaledHalf& y, const Epilogue& epilogue) {
  TORCH_CHECK(!epilogue.channels.defined() && !epilogue.adapters,
              "a convolution in float16 takes a bias and a residual, nothing more");
  return PixelSum(y.values, std::ldexp(1.0, -y.exponent), epilogue.bias, epilogue.residual, {});
}

}  // namespace

int64_t BytesOf(const Packed& packed) {
  return std::visit(ForEachForm{[](std::monostate) -> int64_t { return 0; },
                                [](const cpu::Panels& panels) { return cpu::BytesOf(panels); },
                                [](const ScaledHalf& half) {
                                  return static_cast<int64_t>(half.values.nbytes());
                                }},
                    packed);
}

Packed PackForCpu(const at::Tensor& weight) { return cpu::Panels{.product = cpu::Pack(weight)}; }

Packed PackForCpu(const at::Tensor& weight, const ConvolutionShape& shape) {
  // Where weights are many, their transforms (16/9 of them) would be what fills the memory.
  constexpr int64_t kMostTransformed = 640 * 640;
  cpu::Panels panels{.product = cpu::Pack(weight)};
  if (weight.size(2) == 3 && shape.padding == 1 && shape.stride == 1) {
    if (shape.resizes) {
      panels.doubled = cpu::PackUpsampling(weight);
    } else if (weight.size(0) * weight.size(1) <= kMostTransformed) {
      panels.winograd = cpu::PackWinograd(weight);
    }
  }
  return panels;
}

at::Tensor PlainConvolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            const ConvolutionShape& shape) {
  // On a CPU memory stays as it is: malloc can't give back what lies between what is kept.
  if (x.is_cuda() && Recorded(x) && !Recorded(weight, bias))
    return FrozenConvolution(x, weight, bias, shape.stride, shape.padding);
  const std::array<int64_t, 2> strides{shape.stride, shape.stride};
  const std::array<int64_t, 2> paddings{shape.padding, shape.padding};
  return at::conv2d(x, weight, bias, strides, paddings);
}

at::Tensor Linear(const at::Tensor& x, const ProductWeights& weights, const Epilogue& epilogue) {
  return std::visit(
      ForEachForm{[&](std::monostate) { return LinearOfPlain(x, weights.plain, epilogue); },
                  [&](const cpu::Panels& panels) { return LinearOfPanels(x, panels, epilogue); },
                  [](const ScaledHalf&) -> at::Tensor {
                    TORCH_CHECK(false, "a linear layer's weight in float16");
                  }},
      weights.packed);
}

at::Tensor Convolution(const at::Tensor& x, const ProductWeights& weights,
                       const ConvolutionShape& shape, const Epilogue& epilogue) {
  return std::visit(
      ForEachForm{
          [&](std::monostate) { return ConvolutionOfPlain(x, weights.plain, shape, epilogue); },
          [&](const cpu::Panels& panels) {
            return ConvolutionOfPanels(x, panels, shape, epilogue);
          },
          [&](const ScaledHalf& half) {
            return SumOf(ProductInHalf(PictureInHalf(x), half, shape), epilogue);
          }},
      weights.packed);
}

at::Tensor NormSiluConvolution(const at::Tensor& x, const Norm& norm, const ProductWeights& weights,
                               const ConvolutionShape& shape, const Epilogue& epilogue) {
  // Adapters read the convolution's input, which the fused kernel keeps to itself.
  const auto* panels = std::get_if<cpu::Panels>(&weights.packed);
  if (panels != nullptr && cpu::Serves(x) && !epilogue.adapters) {
    return cpu::NormSiluConv2d(x, norm, InPanels(*panels, shape), BiasAndChannels(epilogue),
                               epilogue.residual);
  }
  if (std::holds_alternative<ScaledHalf>(weights.packed)) {
    const at::Tensor statistics = GroupStatistics(x, norm.groups, norm.eps);
    return Convolution(NormaliseGroups(x, statistics, norm.weight, norm.bias, /*silu=*/true,
                                       /*in_half=*/true),
                       weights, shape, epilogue);
  }
  return Convolution(GroupNorm(x, norm.weight, norm.bias, norm.groups, norm.eps, /*silu=*/true),
                     weights, shape, epilogue);
}

at::Tensor ResizedConvolution(const at::Tensor& x, int64_t height, int64_t width,
                              const ProductWeights& weights, const ConvolutionShape& shape,
                              const Epilogue& epilogue) {
  const auto* panels = std::get_if<cpu::Panels>(&weights.packed);
  const bool doubled = height == 2 * x.size(2) && width == 2 * x.size(3);
  const bool alone =
      !epilogue.channels.defined() && !epilogue.residual.defined() && !epilogue.adapters;
  if (panels != nullptr && panels->doubled.defined() && doubled && alone && cpu::Serves(x))
    return cpu::UpsampleConv2d(x, panels->doubled, epilogue.bias);
  const std::array<int64_t, 2> size{height, width};
  if (const auto* half = std::get_if<ScaledHalf>(&weights.packed)) {
    ScaledHalf picture = PictureInHalf(x);
    picture.values = at::upsample_nearest2d(picture.values, size);
    return SumOf(ProductInHalf(picture, *half, shape), epilogue);
  }
  return Convolution(at::upsample_nearest2d(x, size), weights, shape, epilogue);
}

void ConvolutionRows(const at::Tensor& x, const ProductWeights& weights,
                     const ConvolutionShape& shape, const at::Tensor& bias, int64_t begin,
                     Rows rows, const at::Tensor& y) {
  const auto sum = [&](const at::Tensor& product, int exponent) {
    PixelSum(product.narrow(2, begin, y.size(2)), std::ldexp(1.0, -exponent), bias,
             rows == Rows::kAdded ? y : at::Tensor(), y);
  };
  if (const auto* half = std::get_if<ScaledHalf>(&weights.packed)) {
    ScaledHalf picture = PictureInHalf(x);
    if (shape.resizes) picture.values = Doubled(picture.values);
    const ScaledHalf product = ProductInHalf(picture, *half, shape);
    sum(product.values, product.exponent);
  } else {
    TORCH_CHECK(std::holds_alternative<std::monostate>(weights.packed), "rows of panels");
    sum(PlainConvolution(shape.resizes ? Doubled(x) : x, weights.plain, {}, shape), 0);
  }
}

}  // namespace draftp::kernels
