// Element types of the CUDA kernels.
#ifndef DRAFTP_KERNELS_KERNEL_DTYPE_H_
#define DRAFTP_KERNELS_KERNEL_DTYPE_H_

namespace draftp {

enum class KernelDtype { kFloat, kHalf, kBfloat16 };

}  // namespace draftp

#endif  // DRAFTP_KERNELS_KERNEL_DTYPE_H_
