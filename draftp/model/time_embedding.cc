#include "draftp/model/time_embedding.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/silu.h>

#include <array>
#include <cmath>

namespace draftp {

at::Tensor SinusoidalEmbedding(const at::Tensor& values, int64_t dim,
                               const SinusoidOptions& options) {
  const int64_t half = dim / 2;
  TORCH_CHECK(options.freq_shift < static_cast<double>(half), "freq_shift ", options.freq_shift,
              " leaves no frequency in an embedding of ", dim);
  // The order of operations is diffusers': in float32 another one would be another embedding.
  const at::Tensor index =
      at::arange(half, at::TensorOptions().dtype(at::kFloat).device(values.device()));
  const at::Tensor exponent =
      -std::log(10000.0) * index / (static_cast<double>(half) - options.freq_shift);
  const at::Tensor angle =
      values.to(at::kFloat).unsqueeze(1) * exponent.exp().unsqueeze(0);  // [n,half]
  const at::Tensor embedding = options.flip_sin_to_cos ? at::cat({angle.cos(), angle.sin()}, 1)
                                                       : at::cat({angle.sin(), angle.cos()}, 1);
  if (dim % 2 == 0) return embedding;
  const std::array<int64_t, 2> one_column{0, 1};
  return at::constant_pad_nd(embedding, one_column);
}

EmbeddingMlpWeights EmbeddingMlpSkeleton(int64_t in, int64_t out) {
  return {.linear_1 = LinearSkeleton(in, out), .linear_2 = LinearSkeleton(out, out)};
}

at::Tensor EmbeddingMlp(const at::Tensor& x, const EmbeddingMlpWeights& weights,
                        const AdapterRows& rows) {
  return Linear(at::silu(Linear(x, weights.linear_1, rows)), weights.linear_2, rows);
}

}  // namespace draftp
