// Tests of the decoder in scaled float16 against the one in float64.
#include "draftp/model/half_decoder.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <variant>

#include "draftp/kernels/scaled_half.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsCloseTo;
using testing::RelativeError;

VaeDecoder DecoderIn(at::ScalarType dtype) {
  return VaeDecoder::Load("testdata/tiny_sdxl/vae", {.dtype = dtype}).value();
}

VaeDecoder HalfDecoder() {
  VaeDecoder decoder = DecoderIn(at::kFloat);
  PackInHalf(decoder);
  return decoder;
}

at::Tensor HalfLatents(int64_t pictures) {
  return at::randn({pictures, 4, 9, 7}, at::detail::createCPUGenerator(3), at::kDouble);
}

TEST(HalfDecoderTest, AllButTheFirstAndTheLastConvolutionArePacked) {
  const VaeDecoder decoder = HalfDecoder();
  EXPECT_TRUE(HasHalfProducts(decoder));
  EXPECT_FALSE(HasHalfProducts(DecoderIn(at::kFloat)));
  VisitWeights(decoder, []<class W>(const std::string& name, const W& layer) {
    if constexpr (MaybeConst<W, ConvWeights>) {
      const bool outer =
          name == "post_quant_conv" || name == "decoder.conv_in" || name == "decoder.conv_out";
      EXPECT_EQ(std::holds_alternative<kernels::ScaledHalf>(layer.packed), !outer) << name;
      EXPECT_EQ(layer.weight.defined(), outer) << name;
    }
  });
}

// Pictures whole and in bands, several at once; beside it, what 11 bits of each factor cost where
// nothing else is rounded.
TEST(HalfDecoderTest, PicturesAreThoseOfFloat64ToRounding) {
  const at::NoGradGuard no_grad;
  const VaeDecoder half = HalfDecoder(), exact = DecoderIn(at::kDouble);
  for (const int64_t pictures : {1, 2}) {
    const at::Tensor z = HalfLatents(pictures), expected = DecodeRaw(exact, z);
    for (const int64_t band : {0, 1, 20'000}) {
      const at::Tensor raw = DecodeRaw(half, z, {.band = band});
      EXPECT_EQ(raw.scalar_type(), at::kFloat);
      EXPECT_THAT(raw, IsCloseTo(expected, 1e-3)) << pictures << " " << band;
      EXPECT_LT((ToPixels(raw) - ToPixels(expected)).abs().max().item<double>(), 1.0);
    }
  }
}

// The stream between SDXL's convolutions goes beyond float16's range.
TEST(HalfDecoderTest, ALargeStreamIsNoWorse) {
  const at::NoGradGuard no_grad;
  const auto grown = [](VaeDecoder decoder) {
    for (at::Tensor* x : {&decoder.conv_in.weight, &decoder.conv_in.bias}) *x = *x * 1e5;
    return decoder;
  };
  VaeDecoder half = grown(DecoderIn(at::kFloat));
  PackInHalf(half);
  const at::Tensor z = HalfLatents(1);
  EXPECT_THAT(DecodeRaw(half, z), IsCloseTo(DecodeRaw(grown(DecoderIn(at::kDouble)), z), 1e-3));
}

TEST(HalfDecoderTest, UnpackedItIsTheDecoderOfTheRoundedWeights) {
  const at::NoGradGuard no_grad;
  const VaeDecoder plain = WithoutHalfProducts(HalfDecoder());
  EXPECT_FALSE(HasHalfProducts(plain));
  const at::Tensor z = HalfLatents(1), expected = DecodeRaw(DecoderIn(at::kDouble), z);
  const at::Tensor raw = DecodeRaw(plain, z);
  EXPECT_THAT(raw, IsCloseTo(expected, 1e-3));
  EXPECT_LT(RelativeError(raw, expected), RelativeError(DecodeRaw(HalfDecoder(), z), expected));
}

}  // namespace
}  // namespace draftp
