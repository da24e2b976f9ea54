// Products against LibTorch's operators in float64, for each form of weights.
#include "draftp/kernels/product.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::kernels {
namespace {

using testing::HashTensor;
using testing::IsCloseTo;

constexpr double kFloat32 = 2e-6;  // sums of some hundred terms
constexpr double kFloat64 = 1e-14;

at::Tensor Convolved(const at::Tensor& x, const at::Tensor& weight, const ConvolutionShape& shape) {
  const std::array<int64_t, 2> strides{shape.stride, shape.stride},
      paddings{shape.padding, shape.padding};
  return at::conv2d(x, weight, {}, strides, paddings);
}

at::Tensor OverPixels(const at::Tensor& channels) { return channels.unsqueeze(-1).unsqueeze(-1); }

// Expects run(x, weights, epilogue) to be `product` and all that an epilogue adds, in both forms;
// the adapter adds half of what `product` is.
template <class Run>
void ExpectInBothForms(const Run& run, const at::Tensor& x, const at::Tensor& weight,
                       const Packed& packed, const Epilogue& added, const at::Tensor& product) {
  const at::NoGradGuard no_grad;
  const auto floats = [](const at::Tensor& t) { return t.defined() ? t.to(at::kFloat) : t; };
  at::Tensor expected = product;
  if (added.bias.defined())
    expected = expected + (product.dim() == 4 ? OverPixels(added.bias) : added.bias);
  if (added.channels.defined()) expected = expected + OverPixels(added.channels);
  if (added.residual.defined()) expected = expected + added.residual;
  const auto half = [&product](const at::Tensor& y, const at::Tensor&) {
    y.add_(product.to(y.scalar_type()).view(y.sizes()), 0.5);
  };
  const at::Tensor none;
  const Packed not_packed;
  for (const bool adapted : {false, true}) {
    Epilogue plain = added, single{.bias = floats(added.bias),
                                   .channels = floats(added.channels),
                                   .residual = floats(added.residual)};
    if (adapted) plain.adapters = single.adapters = half;
    const at::Tensor whole = adapted ? expected + 0.5 * product : expected;
    EXPECT_THAT(run(x, ProductWeights{weight, not_packed}, plain), IsCloseTo(whole, kFloat64));
    EXPECT_THAT(run(floats(x), ProductWeights{none, packed}, single).to(at::kDouble),
                IsCloseTo(whole, kFloat32));
  }
}

TEST(ProductTest, LinearIsItsProductAndWhatIsAdded) {
  const at::Tensor x = HashTensor("x", {2, 5, 24}), weight = HashTensor("w", {33, 24});
  const at::Tensor bias = HashTensor("b", {33}), residual = HashTensor("r", {2, 5, 33});
  for (const Epilogue& added :
       {Epilogue{}, {.bias = bias}, {.residual = residual}, {.bias = bias, .residual = residual}}) {
    ExpectInBothForms(Linear, x, weight, PackForCpu(weight), added, at::linear(x, weight));
  }
}

TEST(ProductTest, ConvolutionIsItsProductAndWhatIsAdded) {
  struct Case {
    int64_t kernel;
    ConvolutionShape shape;
  };
  for (const Case& c : {Case{1, {}}, {3, {.padding = 1}}, {3, {.stride = 2, .padding = 1}}}) {
    const at::Tensor x = HashTensor("x", {3, 20, 12, 8}),
                     weight = HashTensor("w", {24, 20, c.kernel, c.kernel}) * 0.1;
    const at::Tensor product = Convolved(x, weight, c.shape);
    const at::Tensor bias = HashTensor("b", {24}),
                     residual = HashTensor("r", product.sizes().vec());
    const auto run = [&c](const at::Tensor& in, const ProductWeights& w, const Epilogue& e) {
      return Convolution(in, w, c.shape, e);
    };
    for (const Epilogue& added :
         {Epilogue{},
          {.bias = bias, .channels = HashTensor("c", {3, 24}), .residual = residual},
          {.channels = HashTensor("c", {1, 24})},
          {.bias = bias, .residual = residual}}) {
      ExpectInBothForms(run, x, weight, PackForCpu(weight, c.shape), added, product);
    }
  }
}

TEST(ProductTest, NormAndSiluComeBeforeTheConvolution) {
  const at::Tensor x = HashTensor("x", {2, 8, 6, 6}), weight = HashTensor("w", {4, 8, 3, 3}) * 0.1;
  const at::Tensor scale = HashTensor("s", {8}), shift = HashTensor("t", {8});
  const ConvolutionShape shape{.padding = 1};
  const auto run = [&](const at::Tensor& in, const ProductWeights& w, const Epilogue& e) {
    const at::Tensor s = scale.to(in.scalar_type()), t = shift.to(in.scalar_type());
    return NormSiluConvolution(in, {s, t, 2, 1e-5}, w, shape, e);
  };
  ExpectInBothForms(run, x, weight, PackForCpu(weight, shape), {.bias = HashTensor("b", {4})},
                    Convolved(at::silu(at::group_norm(x, 2, scale, shift, 1e-5)), weight, shape));
}

TEST(ProductTest, TheConvolutionBehindAResizeSeesRepeatedPixels) {
  const at::Tensor x = HashTensor("x", {2, 6, 4, 5}), weight = HashTensor("w", {9, 6, 3, 3}) * 0.1;
  const ConvolutionShape shape{.padding = 1, .resizes = true};
  for (const auto& [height, width] : {std::array<int64_t, 2>{8, 10}, {7, 9}}) {
    const std::array<int64_t, 2> size{height, width};
    const auto run = [&](const at::Tensor& in, const ProductWeights& w, const Epilogue& e) {
      return ResizedConvolution(in, size[0], size[1], w, shape, e);
    };
    const at::Tensor product = Convolved(at::upsample_nearest2d(x, size), weight, shape);
    for (const Epilogue& added :
         {Epilogue{.bias = HashTensor("b", {9})}, {.channels = HashTensor("c", {2, 9})}}) {
      ExpectInBothForms(run, x, weight, PackForCpu(weight, shape), added, product);
    }
  }
}

TEST(ProductTest, PacksWhatTheShapeAsksFor) {
  const auto panels = [](at::IntArrayRef size, const ConvolutionShape& shape) {
    return std::get<cpu::Panels>(PackForCpu(at::empty(size), shape));
  };
  const cpu::Panels plain = panels({8, 4, 3, 3}, {.padding = 1}),
                    resized = panels({8, 4, 3, 3}, {.padding = 1, .resizes = true}),
                    strided = panels({8, 4, 3, 3}, {.stride = 2, .padding = 1}),
                    wide = panels({641, 640, 3, 3}, {.padding = 1});
  EXPECT_TRUE(plain.product.defined() && plain.winograd.defined() && !plain.doubled.defined());
  EXPECT_TRUE(resized.product.defined() && !resized.winograd.defined() &&
              resized.doubled.defined());
  for (const cpu::Panels& one : {strided, wide})
    EXPECT_TRUE(one.product.defined() && !one.winograd.defined() && !one.doubled.defined());
}

TEST(ProductTest, BytesAreThoseOfEveryPanel) {
  EXPECT_EQ(BytesOf(Packed()), 0);
  const at::Tensor weight = at::empty({96, 4, 3, 3});  // whole panels for every instruction set
  const int64_t elements = 4 * 96 * 4;
  EXPECT_EQ(BytesOf(PackForCpu(weight, {.stride = 2, .padding = 1})), 9 * elements);
  EXPECT_EQ(BytesOf(PackForCpu(weight, {.padding = 1})), (9 + 16) * elements);
  EXPECT_EQ(BytesOf(PackForCpu(weight, {.padding = 1, .resizes = true})), (9 + 4 * 4) * elements);
}

TEST(ProductTest, PanelsTakeFloat32WithoutGradientsAlone) {
  const at::Tensor none, x = HashTensor("x", {2, 4}).to(at::kFloat);
  const Packed packed = PackForCpu(HashTensor("w", {3, 4}));
  EXPECT_THROW(Linear(x, {none, packed}, {}), c10::Error);
  const at::NoGradGuard no_grad;
  EXPECT_THROW(Linear(x.to(at::kDouble), {none, packed}, {}), c10::Error);
  EXPECT_NO_THROW(Linear(x, {none, packed}, {}));
}

}  // namespace
}  // namespace draftp::kernels
