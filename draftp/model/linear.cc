#include "draftp/model/linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include "draftp/adapter/add_adapters.h"
#include "draftp/kernels/cpu/layers.h"

namespace draftp {

LinearWeights LinearSkeleton(int64_t in, int64_t out, bool bias) {
  const auto meta = at::TensorOptions().device(at::kMeta);
  return {.weight = at::empty({out, in}, meta),
          .bias = bias ? at::empty({out}, meta) : at::Tensor()};
}

at::Tensor Linear(const at::Tensor& x, const LinearWeights& weights, const AdapterRows& rows,
                  const at::Tensor& residual) {
  const auto delta = [](const at::Tensor& input, const LoraLayer& lora) {
    const at::ScalarType dtype = input.scalar_type();
    return at::linear(at::linear(input, lora.a.to(dtype)), lora.b.to(dtype));
  };
  if (weights.packed.defined()) {
    TORCH_CHECK(cpu::Serves(x), kPackedForInference);
    return AddAdapters(cpu::Linear(x, weights.packed, weights.bias, residual), x, weights.adapters,
                       rows, delta);
  }
  const at::Tensor y = AddAdapters(at::linear(x, weights.weight, weights.bias), x, weights.adapters,
                                   rows, delta);  // [R,...,out]
  return residual.defined() ? y + residual : y;
}

}  // namespace draftp
