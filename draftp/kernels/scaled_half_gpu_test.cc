// Tests of convolutions in scaled float16 on a GPU, at the sizes of SDXL's decoder, against
// LibTorch's in float64 and beside TF32.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/full.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "draftp/kernels/cuda_backend.h"
#include "draftp/kernels/pixel_sum.h"
#include "draftp/kernels/product.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::kernels {
namespace {

using testing::IsCloseTo;
using testing::IsEqualTo;
using testing::RelativeError;

constexpr auto kLast = at::MemoryFormat::ChannelsLast;

class ScaledHalfGpuTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(OpenCudaBackend().ok()) << OpenCudaBackend().status(); }
  const at::NoGradGuard no_grad_;
};

at::Tensor Pixels(at::IntArrayRef sizes) {
  return at::randn(sizes, at::TensorOptions().device(at::kCUDA)).contiguous(kLast);
}

at::Tensor Exactly(const at::Tensor& x) { return x.to(at::kDouble); }

struct DecoderCase {
  int64_t in, out, side, kernel;
  bool normed, doubled, residual;
};

TEST_F(ScaledHalfGpuTest, ConvolutionsOfTheDecoderAreAsCloseAsTf32) {
  for (const DecoderCase& c : {DecoderCase{512, 512, 32, 3, true, false, true},
                               DecoderCase{256, 256, 40, 3, false, true, false},
                               DecoderCase{256, 128, 64, 3, true, false, false},
                               DecoderCase{256, 128, 64, 1, false, false, false},
                               DecoderCase{128, 128, 50, 3, true, false, true}}) {
    SCOPED_TRACE(::testing::Message() << c.in << " " << c.out << " " << c.side << " " << c.kernel);
    const at::Tensor x = Pixels({1, c.in, c.side, c.side + 3}) * 300,
                     weight = Pixels({c.out, c.in, c.kernel, c.kernel}) * 1e-3,
                     bias = Pixels({1, c.out, 1, 1}).flatten(),
                     scale = Pixels({1, c.in, 1, 1}).flatten(),
                     shift = Pixels({1, c.in, 1, 1}).flatten();
    const int64_t factor = c.doubled ? 2 : 1, h = factor * x.size(2), w = factor * x.size(3);
    const at::Tensor residual = c.residual ? Pixels({1, c.out, h, w}) : at::Tensor();
    const ConvolutionShape shape{.padding = (c.kernel - 1) / 2, .resizes = c.doubled};
    const auto run = [&](const Packed& packed) {
      const at::Tensor plain = packed.index() == 0 ? weight : at::Tensor();
      const ProductWeights weights{plain, packed};
      const Epilogue epilogue{.bias = bias, .residual = residual};
      if (c.normed)
        return NormSiluConvolution(x, {scale, shift, 32, 1e-6}, weights, shape, epilogue);
      return c.doubled ? ResizedConvolution(x, h, w, weights, shape, epilogue)
                       : Convolution(x, weights, shape, epilogue);
    };
    at::Tensor input = Exactly(x).cpu();
    if (c.normed) {
      input = at::silu(at::group_norm(input, 32, Exactly(scale).cpu(), Exactly(shift).cpu(), 1e-6));
    }
    const std::array<int64_t, 2> size{h, w}, one{1, 1}, padding{shape.padding, shape.padding};
    if (c.doubled) input = at::upsample_nearest2d(input, size);
    at::Tensor expected =
        at::conv2d(input, Exactly(weight).cpu(), Exactly(bias).cpu(), one, padding);
    if (c.residual) expected = expected + Exactly(residual).cpu();
    at::globalContext().setAllowTF32CuDNN(true);
    const double of_tf32 = RelativeError(run({}).cpu(), expected),
                 of_half = RelativeError(run(WeightInHalf(weight)).cpu(), expected);
    // Three roundings, of both factors and of the result, where TF32 has two: a ratio of 1.22.
    EXPECT_LT(of_half, 1.3 * of_tf32);
    EXPECT_LT(of_half, 4e-4);
  }
}

TEST_F(ScaledHalfGpuTest, RowsAreThoseOfTheWhole) {
  const at::Tensor x = Pixels({1, 64, 40, 24}), weight = Pixels({32, 64, 3, 3}),
                   bias = Pixels({1, 32, 1, 1}).flatten();
  for (const Packed& packed : {Packed{}, Packed{WeightInHalf(weight)}}) {
    const ProductWeights weights{packed.index() == 0 ? weight : at::Tensor(), packed};
    const at::Tensor whole = Convolution(x, weights, {.padding = 1}, {.bias = bias});
    const at::Tensor before = Pixels({1, 32, 40, 24});
    at::Tensor y = before.clone();
    ConvolutionRows(x.narrow(2, 9, 22), weights, {.padding = 1}, bias, 1, Rows::kWritten,
                    y.narrow(2, 10, 20));
    EXPECT_THAT(y.narrow(2, 10, 20).cpu(), IsCloseTo(whole.narrow(2, 10, 20).cpu(), 1e-3));
    EXPECT_THAT(y.narrow(2, 0, 10).cpu(), IsEqualTo(before.narrow(2, 0, 10).cpu()));
    EXPECT_THAT(y.narrow(2, 30, 10).cpu(), IsEqualTo(before.narrow(2, 30, 10).cpu()));
    ConvolutionRows(x.narrow(2, 9, 22), weights, {.padding = 1}, bias, 1, Rows::kAdded,
                    y.narrow(2, 10, 20));
    EXPECT_THAT(y.narrow(2, 10, 20).cpu(), IsCloseTo(2 * whole.narrow(2, 10, 20).cpu(), 1e-3));
  }
}

// In float32 the kernel adds in the formula's order, to the bit; into NaN.
TEST_F(ScaledHalfGpuTest, SumsAreThoseOfTheFormula) {
  for (const int64_t channels : {8, 24, 128}) {
    const at::Tensor y = Pixels({2, channels, 9, 5}), bias = Pixels({1, channels, 1, 1}).flatten(),
                     residual = Pixels({2, channels, 9, 5});
    for (const at::Tensor& product : {y, y.to(at::kHalf)}) {
      const at::Tensor expected =
          (product.to(at::kFloat) * 0.25 + bias.view({1, -1, 1, 1})) + residual;
      EXPECT_THAT(PixelSum(product, 0.25, bias, residual, {}).cpu(), IsEqualTo(expected.cpu()));
      const at::Tensor into =
          at::full(y.sizes(), std::numeric_limits<float>::quiet_NaN(), y.options())
              .contiguous(kLast);
      EXPECT_THAT(PixelSum(product, 0.25, {}, {}, into).cpu(),
                  IsEqualTo((product.to(at::kFloat) * 0.25).cpu()));
      EXPECT_THAT(into.cpu(), IsEqualTo((product.to(at::kFloat) * 0.25).cpu()));
    }
    EXPECT_THAT(ToHalf(y, 0.5).cpu(), IsEqualTo((y * 0.5).to(at::kHalf).cpu()));
  }
  EXPECT_FALSE(at::isfinite(ToHalf(Pixels({1, 8, 4, 4}) * 0 + 2e5, 0.5)).any().item<bool>());
}

}  // namespace
}  // namespace draftp::kernels
