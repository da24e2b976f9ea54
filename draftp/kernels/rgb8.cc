#include "draftp/kernels/rgb8.h"

#include <ATen/TensorOperators.h>
#include <c10/util/Exception.h>

#include "draftp/kernels/cuda_backend.h"

namespace draftp {

at::Tensor Rgb8Reference(const at::Tensor& decoded) {
  return ((decoded + 1) / 2).clamp(0, 1).mul(255).to(at::kByte).permute({0, 2, 3, 1}).contiguous();
}

at::Tensor Rgb8(const at::Tensor& decoded) {
  TORCH_CHECK(decoded.dim() == 4 && decoded.size(1) == 3 && decoded.scalar_type() == at::kFloat,
              "Rgb8: expected float32 [B,3,H,W], found ", decoded.scalar_type(), " ",
              decoded.sizes());
  if (!decoded.is_cuda()) return Rgb8Reference(decoded);
  const auto backend = OpenCudaBackend();
  TORCH_CHECK(backend.ok(), backend.status().message().data());
  return (*backend)->Rgb8(decoded);
}

}  // namespace draftp
