#include "draftp/kernels/wide_attention.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <cmath>

namespace draftp::kernels {
namespace {

constexpr int64_t kWidestFused = 256;  // channels of a head

// Matrix products in TF32 within a scope.
class Tf32Scope {
 public:
  Tf32Scope() : former_(at::globalContext().allowTF32CuBLAS()) {
    at::globalContext().setAllowTF32CuBLAS(true);
  }
  ~Tf32Scope() { at::globalContext().setAllowTF32CuBLAS(former_); }
  Tf32Scope(const Tf32Scope&) = delete;
  Tf32Scope& operator=(const Tf32Scope&) = delete;

 private:
  const bool former_;
};

}  // namespace

bool WideAttentionServes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                         int64_t heads) {
  const bool gradient =
      at::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
  return q.is_cuda() && q.scalar_type() == at::kFloat && heads == 1 && q.size(2) > kWidestFused &&
         !gradient && at::globalContext().allowTF32CuDNN();
}

at::Tensor WideAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                         int64_t most) {
  const Tf32Scope tf32;
  const at::Tensor scaled = q / std::sqrt(static_cast<double>(q.size(2)));
  const at::Tensor keys = k.transpose(1, 2);
  at::Tensor mixed = at::empty_like(q);
  const int64_t rows = std::max<int64_t>(1, most / (q.size(0) * k.size(1)));
  for (int64_t begin = 0; begin < q.size(1); begin += rows) {
    const int64_t count = std::min(rows, q.size(1) - begin);
    const at::Tensor scores = at::bmm(scaled.narrow(1, begin, count), keys);  // [R,count,S]
    mixed.narrow(1, begin, count).copy_(at::bmm(at::softmax(scores, -1), v));
  }
  return mixed;
}

}  // namespace draftp::kernels
