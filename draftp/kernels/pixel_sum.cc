#include "draftp/kernels/pixel_sum.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <cstdint>

#include "draftp/kernels/cuda_kernel.h"
#include "draftp/kernels/operation.h"

namespace draftp::kernels {
namespace {

constexpr auto kFormat = at::MemoryFormat::ChannelsLast;

at::Tensor EmptyPixels(const at::Tensor& like, at::ScalarType dtype) {
  return at::empty(like.sizes(), like.options().dtype(dtype).memory_format(kFormat));
}

// Whether it can be read 16 bytes at a time.
bool TakesWords(const at::Tensor& x) {
  return reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 == 0;
}

at::Tensor ToHalfByLibTorch(const at::Tensor& x, double scale) {
  return (x * scale).to(at::kHalf).contiguous(kFormat);
}

at::Tensor ToHalfOnGpu(const at::Tensor& x, double scale) {
  static const auto launch = DRAFTP_CUDA_KERNEL(LaunchToHalf);
  if (x.scalar_type() != at::kFloat || x.size(1) % 4 != 0) return ToHalfByLibTorch(x, scale);
  const at::Tensor pixels = x.contiguous(kFormat);
  const at::Tensor y = EmptyPixels(x, at::kHalf);
  if (x.numel() == 0) return y;
  launch(x, static_cast<long long>(x.numel()), pixels.const_data_ptr<float>(),
         static_cast<float>(scale), y.mutable_data_ptr());
  return y;
}

at::Tensor SumByLibTorch(const at::Tensor& y, double scale, const at::Tensor& bias,
                         const at::Tensor& residual, const at::Tensor& into) {
  at::Tensor sum = (y.scalar_type() == at::kHalf ? y.to(at::kFloat) : y) * scale;
  if (bias.defined()) sum = sum + bias.view({1, -1, 1, 1});
  if (residual.defined()) sum = sum + residual;
  return into.defined() ? at::Tensor(into).copy_(sum) : sum.contiguous(kFormat);
}

at::Tensor SumOnGpu(const at::Tensor& y, double scale, const at::Tensor& bias,
                    const at::Tensor& residual, const at::Tensor& into) {
  static const auto launch = DRAFTP_CUDA_KERNEL(LaunchPixelSum);
  const auto fits = [](const at::Tensor& x, at::MemoryFormat format) {
    return !x.defined() ||
           (x.scalar_type() == at::kFloat && x.is_contiguous(format) && TakesWords(x));
  };
  const at::Tensor pixels = y.contiguous(kFormat);
  if (y.scalar_type() == at::kBFloat16 || y.size(1) % 8 != 0 || !TakesWords(pixels) ||
      !fits(bias, at::MemoryFormat::Contiguous) || !fits(residual, kFormat) || !fits(into, kFormat))
    return SumByLibTorch(y, scale, bias, residual, into);
  TORCH_CHECK((!bias.defined() || bias.sizes() == at::IntArrayRef{y.size(1)}) &&
                  (!residual.defined() || residual.sizes() == y.sizes()) &&
                  (!into.defined() || into.sizes() == y.sizes()),
              "PixelSum: the sizes don't fit ", y.sizes());
  const at::Tensor sum = into.defined() ? into : EmptyPixels(y, at::kFloat);
  if (y.numel() == 0) return sum;
  const auto data = [](const at::Tensor& x) {
    return x.defined() ? x.const_data_ptr<float>() : nullptr;
  };
  launch(y, y.scalar_type() == at::kHalf, static_cast<long long>(y.numel() / y.size(1)),
         static_cast<int>(y.size(1)),
         PixelSumCall{pixels.const_data_ptr(), static_cast<float>(scale), data(bias),
                      data(residual), sum.mutable_data_ptr<float>()});
  return sum;
}

constexpr Operation<at::Tensor(const at::Tensor&, double)> kToHalf{
    .libtorch = ToHalfByLibTorch, .cpu = ToHalfByLibTorch, .cuda = ToHalfOnGpu};
constexpr Operation<at::Tensor(const at::Tensor&, double, const at::Tensor&, const at::Tensor&,
                               const at::Tensor&)>
    kPixelSum{.libtorch = SumByLibTorch, .cpu = SumByLibTorch, .cuda = SumOnGpu};

}  // namespace

at::Tensor ToHalf(const at::Tensor& x, double scale) { return kToHalf(x, scale); }

at::Tensor PixelSum(const at::Tensor& y, double scale, const at::Tensor& bias,
                    const at::Tensor& residual, const at::Tensor& into) {
  return kPixelSum(y, scale, bias, residual, into);
}

}  // namespace draftp::kernels
