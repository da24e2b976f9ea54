#include "draftp/kernels/product.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <c10/util/Exception.h>

#include <array>
#include <vector>

#include "draftp/kernels/elementwise.h"
#include "draftp/kernels/group_norm.h"
#include "draftp/kernels/operation.h"
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

}  // namespace

int64_t BytesOf(const Packed& packed) {
  const auto* panels = std::get_if<cpu::Panels>(&packed);
  return panels == nullptr ? 0 : cpu::BytesOf(*panels);
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
  const std::array<int64_t, 2> strides{shape.stride, shape.stride};
  const std::array<int64_t, 2> paddings{shape.padding, shape.padding};
  return at::conv2d(x, weight, bias, strides, paddings);
}

at::Tensor Linear(const at::Tensor& x, const ProductWeights& weights, const Epilogue& epilogue) {
  return std::visit(
      ForEachForm{[&](std::monostate) { return LinearOfPlain(x, weights.plain, epilogue); },
                  [&](const cpu::Panels& panels) { return LinearOfPanels(x, panels, epilogue); }},
      weights.packed);
}

at::Tensor Convolution(const at::Tensor& x, const ProductWeights& weights,
                       const ConvolutionShape& shape, const Epilogue& epilogue) {
  return std::visit(ForEachForm{[&](std::monostate) {
                                  return ConvolutionOfPlain(x, weights.plain, shape, epilogue);
                                },
                                [&](const cpu::Panels& panels) {
                                  return ConvolutionOfPanels(x, panels, shape, epilogue);
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
  return Convolution(at::upsample_nearest2d(x, size), weights, shape, epilogue);
}

}  // namespace draftp::kernels
