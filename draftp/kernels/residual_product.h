// A linear layer whose bias and residual are added inside the product.
#ifndef DRAFTP_KERNELS_RESIDUAL_PRODUCT_H_
#define DRAFTP_KERNELS_RESIDUAL_PRODUCT_H_

#include "draftp/kernels/cuda_entry.h"

namespace at {
class Tensor;
}

namespace draftp::kernels {

// Whether ResidualProduct serves: contiguous tensors of one 16-bit dtype on a GPU, in and out
// multiples of 8, and no gradients recorded.
bool ResidualProductServes(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const at::Tensor& residual);

// x W^T + bias + residual, rounded once: x [M,in], weight [out,in], bias [out] or undefined,
// residual [M,out] -> [M,out], the residual itself where `in_place`. One kernel, cuBLASLt's, of the
// algorithm that its heuristic names first for a shape.
at::Tensor ResidualProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const at::Tensor& residual, bool in_place = false);

// What follows is between residual_product.cc and residual_product.cu.

struct ResidualProductCall {
  const void *x, *weight, *bias, *residual;  // bias: or null
  void* y;
  long long rows, in, out;
  void* workspace;
  unsigned long long workspace_bytes;
};
// Also cudaErrorNotSupported where cuBLASLt has no algorithm.
DRAFTP_CUDA_ENTRY int LaunchResidualProduct(KernelDtype dtype, const ResidualProductCall& call,
                                            void* stream);

}  // namespace draftp::kernels

#endif  // DRAFTP_KERNELS_RESIDUAL_PRODUCT_H_
