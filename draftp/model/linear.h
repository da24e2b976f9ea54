// A linear layer that may carry low-rank adapters, each acting on its own rows of the batch.
#ifndef DRAFTP_MODEL_LINEAR_H_
#define DRAFTP_MODEL_LINEAR_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "draftp/adapter/adapter_rows.h"
#include "draftp/adapter/lora.h"
#include "draftp/kernels/product.h"

namespace draftp {

struct LinearWeights {
  at::Tensor weight;  // [out,in]; undefined where `packed` holds it
  at::Tensor bias;    // [out], or undefined
  // Files hold it as a 1x1 convolution, [out,in,1,1]: over channels-last pixels that is the same
  // product.
  bool pointwise_convolution = false;
  LoraSlots adapters = {};
  kernels::Packed packed = {};  // see pack_weights.h
};

// Shapes without storage (device meta): what a loader fills, and enough to count parameters.
LinearWeights LinearSkeleton(int64_t in, int64_t out, bool bias = true);

// x W^T + b, plus scale * (x A^T) B^T on the rows (dimension 0 of x) of each range whose adapter
// this layer has, plus `residual` [R,...,out] where it is defined. x [R,...,in] -> [R,...,out], in
// x's dtype, which is the weight's. `into_residual`: a contiguous residual becomes the result,
// without gradients.
at::Tensor Linear(const at::Tensor& x, const LinearWeights& weights, const AdapterRows& rows = {},
                  const at::Tensor& residual = {}, bool into_residual = false);

}  // namespace draftp

#endif  // DRAFTP_MODEL_LINEAR_H_
