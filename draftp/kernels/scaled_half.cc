#include "draftp/kernels/scaled_half.h"

#include <ATen/TensorOperators.h>
#include <c10/util/Exception.h>

#include <array>
#include <cmath>

#include "draftp/kernels/pixel_sum.h"

namespace draftp::kernels {
namespace {

// 65504 * 2^6 is 4 million; SDXL's decoder goes beyond 65504, not beyond a million.
constexpr int kOfPictures = -6;

}  // namespace

ScaledHalf PictureInHalf(const at::Tensor& x) {
  if (x.scalar_type() == at::kHalf) return {x, 0};
  return {ToHalf(x, std::ldexp(1.0, kOfPictures)), kOfPictures};
}

ScaledHalf WeightInHalf(const at::Tensor& weight) {
  TORCH_CHECK(weight.dim() == 4, "a convolution's weight, found ", weight.sizes());
  constexpr std::array<int64_t, 3> kOfRow{1, 2, 3};
  const at::Tensor wide = weight.to(at::kFloat);
  const auto longest = wide.square().sum(kOfRow).max().sqrt().item<double>();
  const bool scales = std::isfinite(longest) && longest > 0;
  const int exponent = scales ? -static_cast<int>(std::lround(std::log2(longest))) : 0;
  return {
      (wide * std::ldexp(1.0, exponent)).to(at::kHalf).contiguous(at::MemoryFormat::ChannelsLast),
      exponent};
}

at::Tensor Unscaled(const ScaledHalf& half) {
  return half.values.to(at::kFloat) * std::ldexp(1.0, -half.exponent);
}

}  // namespace draftp::kernels
