#include "draftp/model/linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include <vector>

#include "draftp/adapter/add_adapters.h"
#include "draftp/kernels/cpu/layers.h"

namespace draftp {
namespace {

// y [M,out] += scale * (x A^T) B^T, x [M,in].
void AddLowRank(at::Tensor y, const at::Tensor& x, const LoraLayer& lora, double scale) {
  const at::ScalarType dtype = x.scalar_type();
  y.addmm_(at::linear(x, lora.a.to(dtype)), lora.b.to(dtype).t(), 1, scale);
}

}  // namespace

LinearWeights LinearSkeleton(int64_t in, int64_t out, bool bias) {
  const auto meta = at::TensorOptions().device(at::kMeta);
  return {.weight = at::empty({out, in}, meta),
          .bias = bias ? at::empty({out}, meta) : at::Tensor()};
}

at::Tensor Linear(const at::Tensor& x, const LinearWeights& weights, const AdapterRows& rows,
                  const at::Tensor& residual) {
  const at::Tensor flat = x.reshape({-1, x.size(-1)});  // [M,in]
  const int64_t tokens = x.size(0) > 0 ? flat.size(0) / x.size(0) : 1;
  std::vector<int64_t> sizes = x.sizes().vec();
  if (weights.packed.defined()) {
    TORCH_CHECK(cpu::Serves(x), kPackedForInference);
    const at::Tensor y = cpu::Linear(x, weights.packed, weights.bias, residual);
    AddAdapters(y.view({flat.size(0), y.size(-1)}), flat, tokens, weights.adapters, rows,
                AddLowRank);
    return y;
  }
  const at::Tensor y = at::linear(flat, weights.weight, weights.bias);  // [M,out]
  AddAdapters(y, flat, tokens, weights.adapters, rows, AddLowRank);
  sizes.back() = y.size(1);
  return residual.defined() ? y.view(sizes) + residual : y.view(sizes);
}

}  // namespace draftp
