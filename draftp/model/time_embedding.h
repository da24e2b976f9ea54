// Embeddings of numbers (time, sizes): sinusoids, and the two-layer perceptron behind them.
#ifndef DRAFTP_MODEL_TIME_EMBEDDING_H_
#define DRAFTP_MODEL_TIME_EMBEDDING_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "draftp/adapter/adapter_rows.h"
#include "draftp/model/linear.h"

namespace draftp {

// Fields of the UNet's config with the same names.
struct SinusoidOptions {
  bool flip_sin_to_cos = true;  // cosines first
  double freq_shift = 0;        // less than half the dimension
};

// sin(v f_i), cos(v f_i) with f_i = 10000^(-i / (dim/2 - freq_shift)), i < dim/2; a last zero where
// dim is odd. values [n] of any dtype -> [n,dim] float32, on the values' device. Frequencies and
// products are float32, as in diffusers' get_timestep_embedding: a float64 network sees the same
// embedding.
at::Tensor SinusoidalEmbedding(const at::Tensor& values, int64_t dim,
                               const SinusoidOptions& options);

// diffusers' TimestepEmbedding.
struct EmbeddingMlpWeights {
  LinearWeights linear_1;  // in -> E
  LinearWeights linear_2;  // E -> E
};

EmbeddingMlpWeights EmbeddingMlpSkeleton(int64_t in, int64_t out);

// linear_2(SiLU(linear_1(x))): x [R,in] -> [R,E].
at::Tensor EmbeddingMlp(const at::Tensor& x, const EmbeddingMlpWeights& weights,
                        const AdapterRows& rows = {});

}  // namespace draftp

#endif  // DRAFTP_MODEL_TIME_EMBEDDING_H_
