// What a .cu file and the C++ file beside it agree on, free of LibTorch's headers so that nvcc
// compiles in seconds.
#ifndef DRAFTP_KERNELS_CUDA_ENTRY_H_
#define DRAFTP_KERNELS_CUDA_ENTRY_H_

// Before the declaration of a function that libdraftp_cuda.so offers by its name (cuda_kernel.h):
// it launches on the stream that is its last argument, a cudaStream_t, takes pointers of the
// device, and returns the cudaError_t of the launch.
#define DRAFTP_CUDA_ENTRY extern "C" __attribute__((visibility("default")))

namespace draftp {

// Element types of the kernels.
enum class KernelDtype { kFloat, kHalf, kBfloat16 };

}  // namespace draftp

#endif  // DRAFTP_KERNELS_CUDA_ENTRY_H_
