// Launches kernels of libdraftp_cuda.so from code that links no CUDA library.
#ifndef DRAFTP_KERNELS_CUDA_KERNEL_H_
#define DRAFTP_KERNELS_CUDA_KERNEL_H_

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include "draftp/kernels/cuda_backend.h"
#include "draftp/kernels/cuda_entry.h"

namespace draftp {

// A launching function of the type F, which ends in the stream. Made once, since it is looked up by
// name; throws where the library can't be opened or lacks it.
template <class F>
class CudaKernel {
 public:
  explicit CudaKernel(const char* name) : launch_(reinterpret_cast<F*>(CudaSymbol(name))) {}

  // Launches on the device of x, on its current stream, and throws where that fails.
  template <class... Arguments>
  void operator()(const at::Tensor& x, const Arguments&... arguments) const {
    LaunchOnCuda(x.device(), [&](void* stream) { return launch_(arguments..., stream); });
  }

 private:
  F* launch_;
};

// The function that a header declares DRAFTP_CUDA_ENTRY:
//   static const auto launch = DRAFTP_CUDA_KERNEL(LaunchLayerNorm);
//   launch(x, DtypeOf(x), rows, ...);
#define DRAFTP_CUDA_KERNEL(function) ::draftp::CudaKernel<decltype(function)>(#function)

inline KernelDtype DtypeOf(const at::Tensor& x) {
  switch (x.scalar_type()) {
    case at::kFloat:
      return KernelDtype::kFloat;
    case at::kHalf:
      return KernelDtype::kHalf;
    case at::kBFloat16:
      return KernelDtype::kBfloat16;
    default:
      TORCH_CHECK(false, "found ", x.scalar_type(), ", expected float32, float16 or bfloat16");
  }
}

}  // namespace draftp

#endif  // DRAFTP_KERNELS_CUDA_KERNEL_H_
