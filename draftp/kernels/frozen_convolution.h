// A convolution whose weights aren't trained, with a backward pass that needs little.
#ifndef DRAFTP_KERNELS_FROZEN_CONVOLUTION_H_
#define DRAFTP_KERNELS_FROZEN_CONVOLUTION_H_

#include <cstdint>

namespace at {
class Tensor;
}

namespace draftp::kernels {

// LibTorch's convolution: x [R,in,h,w], weight [out,in,k,k], bias [out] or undefined -> [R,out,h',
// w']. Differentiable in x alone. For its gradient it keeps the weight, where LibTorch's keeps x
// too, whatever trains.
at::Tensor FrozenConvolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                             int64_t stride, int64_t padding);

}  // namespace draftp::kernels

#endif  // DRAFTP_KERNELS_FROZEN_CONVOLUTION_H_
