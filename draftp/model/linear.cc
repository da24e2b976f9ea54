#include "draftp/model/linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include "draftp/adapter/add_adapters.h"

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
                  const at::Tensor& residual, bool into_residual) {
  kernels::Epilogue epilogue{
      .bias = weights.bias, .residual = residual, .into_residual = into_residual};
  const auto add = [&](const at::Tensor& y, const at::Tensor& flat) {  // [M,out], [M,in]
    const int64_t tokens = x.size(0) > 0 ? flat.size(0) / x.size(0) : 1;
    AddAdapters(y, flat, tokens, weights.adapters, rows, AddLowRank);
  };
  if (!rows.empty()) epilogue.adapters = add;
  return kernels::Linear(x, {weights.weight, weights.packed}, epilogue);
}

}  // namespace draftp
