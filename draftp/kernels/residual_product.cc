#include "draftp/kernels/residual_product.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/util/Exception.h>

#include <cstdint>

#include "draftp/kernels/cuda_kernel.h"
#include "draftp/kernels/operation.h"

namespace draftp::kernels {
namespace {

// As cuBLASLt's heuristic takes matrices to be, and as LibTorch allocates them.
bool Aligned(const at::Tensor& x) {
  return reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 256 == 0;
}

}  // namespace

bool ResidualProductServes(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const at::Tensor& residual) {
  if (!ServedOnGpu(x) || x.scalar_type() == at::kFloat || !residual.defined()) return false;
  if (Recorded(x, weight, bias, residual) || x.numel() == 0) return false;
  if (weight.size(0) % 8 != 0 || weight.size(1) % 8 != 0) return false;
  const auto fits = [&x](const at::Tensor& other) {
    return other.scalar_type() == x.scalar_type() && other.is_contiguous();
  };
  const auto matrix = [&](const at::Tensor& other) { return fits(other) && Aligned(other); };
  return matrix(x) && matrix(weight) && matrix(residual) && (!bias.defined() || fits(bias));
}

at::Tensor ResidualProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const at::Tensor& residual, bool in_place) {
  static const auto launch = DRAFTP_CUDA_KERNEL(LaunchResidualProduct);
  constexpr int64_t kWorkspace = int64_t{32} << 20;  // what cuBLAS takes for itself on Hopper
  const int64_t rows = x.size(0), in = weight.size(1), out = weight.size(0);
  TORCH_CHECK(x.size(1) == in && residual.size(0) == rows && residual.size(1) == out,
              "a product of ", x.sizes(), " and ", weight.sizes(), " with ", residual.sizes());
  const at::Tensor workspace = at::empty({kWorkspace}, x.options().dtype(at::kByte));
  at::Tensor y = in_place ? residual : at::empty_like(residual);
  launch(x, DtypeOf(x),
         ResidualProductCall{.x = x.const_data_ptr(),
                             .weight = weight.const_data_ptr(),
                             .bias = bias.defined() ? bias.const_data_ptr() : nullptr,
                             .residual = residual.const_data_ptr(),
                             .y = y.mutable_data_ptr(),
                             .rows = rows,
                             .in = in,
                             .out = out,
                             .workspace = workspace.mutable_data_ptr(),
                             .workspace_bytes = static_cast<unsigned long long>(kWorkspace)});
  return y;
}

}  // namespace draftp::kernels
