#include "draftp/kernels/rgb8.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include "draftp/kernels/cuda_kernel.h"
#include "draftp/kernels/operation.h"

namespace draftp {
namespace {

at::Tensor OnGpu(const at::Tensor& decoded) {
  static const auto launch = DRAFTP_CUDA_KERNEL(LaunchRgb8);
  const int64_t b = decoded.size(0), h = decoded.size(2), w = decoded.size(3);
  at::Tensor rgb = at::empty({b, h, w, 3}, decoded.options().dtype(at::kByte));
  const Rgb8Layout layout{
      b, h, w, decoded.stride(0), decoded.stride(1), decoded.stride(2), decoded.stride(3)};
  launch(decoded, decoded.const_data_ptr<float>(), rgb.mutable_data_ptr<unsigned char>(), layout);
  return rgb;
}

constexpr kernels::Operation<at::Tensor(const at::Tensor&)> kRgb8{.libtorch = Rgb8Reference,
                                                                  .cuda = OnGpu};

}  // namespace

at::Tensor Rgb8Reference(const at::Tensor& decoded) {
  return ((decoded + 1) / 2).clamp(0, 1).mul(255).to(at::kByte).permute({0, 2, 3, 1}).contiguous();
}

at::Tensor Rgb8(const at::Tensor& decoded) {
  TORCH_CHECK(decoded.dim() == 4 && decoded.size(1) == 3 && decoded.scalar_type() == at::kFloat,
              "Rgb8: expected float32 [B,3,H,W], found ", decoded.scalar_type(), " ",
              decoded.sizes());
  return kRgb8(decoded);
}

}  // namespace draftp
