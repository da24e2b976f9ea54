// Layer norms.
#ifndef DRAFTP_KERNELS_LAYER_NORM_H_
#define DRAFTP_KERNELS_LAYER_NORM_H_

#include "draftp/kernels/cuda_entry.h"

namespace at {
class Tensor;
}

namespace draftp::kernels {

// LayerNorm over the last dimension: Ba et al., "Layer Normalization", 2016. x [...,C] -> same;
// weight, bias [C]. Differentiable.
at::Tensor LayerNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     double eps);

// What follows is between layer_norm.cc and layer_norm.cu.

struct LayerNormForward {
  const void *x, *weight, *bias;  // of one dtype; x [rows, channels], an even number of these
  void* y;
  float *mean, *inverse;  // [rows]; 1 / standard deviation. Null: nobody asks for them
  double eps;
};
DRAFTP_CUDA_ENTRY int LaunchLayerNorm(KernelDtype dtype, long long rows, int channels,
                                      const LayerNormForward& call, void* stream);

}  // namespace draftp::kernels

#endif  // DRAFTP_KERNELS_LAYER_NORM_H_
