#include "draftp/model/linear.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

namespace draftp {

LinearWeights LinearSkeleton(int64_t in, int64_t out, bool bias) {
  const auto meta = at::TensorOptions().device(at::kMeta);
  return {.weight = at::empty({out, in}, meta),
          .bias = bias ? at::empty({out}, meta) : at::Tensor()};
}

at::Tensor Linear(const at::Tensor& x, const LinearWeights& weights, const AdapterRows& rows) {
  at::Tensor y = at::linear(x, weights.weight, weights.bias);  // [R,...,out]
  for (const AdapterRange& range : rows) {
    const int64_t end = EndRow(range, x.size(0));
    const LoraLayer* lora = FindLora(weights.adapters, range.adapter);
    if (lora == nullptr || range.begin == end) continue;
    const bool all = range.begin == 0 && end == x.size(0);
    const at::Tensor input = all ? x : x.narrow(0, range.begin, end - range.begin);
    const auto dtype = x.scalar_type();
    const at::Tensor delta = at::linear(at::linear(input, lora->a.to(dtype)), lora->b.to(dtype));
    const double scale = lora->scale * range.scale;
    // y is this function's own, and no backward formula needs its value.
    if (all) {
      y = y.add(delta, scale);
    } else {
      y.narrow(0, range.begin, end - range.begin).add_(delta, scale);
    }
  }
  return y;
}

}  // namespace draftp
