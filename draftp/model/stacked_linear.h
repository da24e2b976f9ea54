// Linear layers of one input as one product: their weights, and behind these the adapters' A, lie
// in memory one below the other.
#ifndef DRAFTP_MODEL_STACKED_LINEAR_H_
#define DRAFTP_MODEL_STACKED_LINEAR_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "draftp/adapter/adapter_rows.h"
#include "draftp/model/linear.h"

namespace draftp {

// Moves plain weights [out,in] of layers of one input into one block of memory, and behind them the
// A of all their adapters; the B of an adapter into a block of their own. The tensors stay the same
// ones, with the same values: a network that shares them, and an optimiser's leaves, go along. What
// is stacked already stays, and layers with biases or of several dtypes are left alone.
void StackLayers(const std::vector<LinearWeights*>& layers);

// Linear(x, layer, rows) of each of `layers`, to rounding. Where gradients aren't recorded and the
// layers are stacked, it is one product, of which the results [R,...,out] are columns: the adapters
// cost one small product more, for x A^T is among the columns.
std::vector<at::Tensor> StackedLinear(const at::Tensor& x,
                                      const std::vector<const LinearWeights*>& layers,
                                      const AdapterRows& rows = {});

}  // namespace draftp

#endif  // DRAFTP_MODEL_STACKED_LINEAR_H_
