// One operation of a network, whichever kernel computes it.
#ifndef DRAFTP_KERNELS_OPERATION_H_
#define DRAFTP_KERNELS_OPERATION_H_

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <cstdint>

#include "draftp/kernels/cpu/layers.h"

namespace draftp::kernels {

// Whether the CUDA kernels serve calls on x: float32, float16 or bfloat16 on a GPU.
inline bool ServedOnGpu(const at::Tensor& x) {
  const at::ScalarType dtype = x.scalar_type();
  return x.is_cuda() && (dtype == at::kFloat || dtype == at::kHalf || dtype == at::kBFloat16);
}

// The same of kernels that read pairs of `channels`, with scale and shift of x's dtype.
inline bool PairsServedOnGpu(const at::Tensor& x, int64_t channels, const at::Tensor& weight = {}) {
  return ServedOnGpu(x) && channels % 2 == 0 &&
         (!weight.defined() || weight.scalar_type() == x.scalar_type());
}

// Whether gradients of what is computed from `tensors` are recorded.
template <class... Tensors>
bool Recorded(const Tensors&... tensors) {
  return at::GradMode::is_enabled() && ((tensors.defined() && tensors.requires_grad()) || ...);
}

// The kernels of an operation, of which each call takes one by its first argument: a row of a
// table, and nothing more than a call through a pointer. A member that is null, and what a kernel
// doesn't serve beyond device and dtype, is LibTorch's.
//
//   constexpr Operation<at::Tensor(const at::Tensor&)> kGatedGelu{
//       .libtorch = ByLibTorch, .cpu = cpu::GatedGelu, .cuda = OnGpu};
template <class Signature>
struct Operation;

template <class... Rest>
struct Operation<at::Tensor(const at::Tensor&, Rest...)> {
  using Kernel = at::Tensor (*)(const at::Tensor&, Rest...);

  Kernel libtorch;       // any device and dtype, differentiable: what the others are tested against
  Kernel cpu = nullptr;  // where cpu::Serves(x)
  Kernel cuda = nullptr;  // where ServedOnGpu(x); differentiable

  at::Tensor operator()(const at::Tensor& x, Rest... rest) const {
    const Kernel ours = cpu::Serves(x) ? cpu : ServedOnGpu(x) ? cuda : nullptr;
    return (ours != nullptr ? ours : libtorch)(x, rest...);
  }
};

}  // namespace draftp::kernels

#endif  // DRAFTP_KERNELS_OPERATION_H_
