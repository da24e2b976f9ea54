// The CUDA part of the program, opened at run time when there is a GPU, so that a CPU run loads no
// CUDA library.
#ifndef DRAFTP_KERNELS_CUDA_BACKEND_H_
#define DRAFTP_KERNELS_CUDA_BACKEND_H_

#include <absl/status/statusor.h>
#include <c10/core/Device.h>
#include <c10/util/FunctionRef.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace draftp {

// A recorded sequence of kernels. Replay() launches it on the current stream and doesn't wait.
class CapturedGraph {
 public:
  virtual ~CapturedGraph() = default;
  virtual void Replay() = 0;
};

// What libdraftp_cuda.so offers by `draftp_cuda_backend`, beside the functions that launch its
// kernels. Opening it also registers LibTorch's CUDA operators, after which tensors may live on the
// GPU.
class CudaBackend {
 public:
  virtual ~CudaBackend() = default;

  virtual int DeviceCount() const = 0;
  virtual std::string DeviceName(int device) const = 0;
  virtual void SetDevice(int device) const = 0;
  // Most bytes that LibTorch's allocator has had in use on a device.
  virtual int64_t PeakBytes(int device) const = 0;
  // What LibTorch's allocator has of a device or can still get.
  virtual int64_t AvailableBytes(int device) const = 0;

  // Runs `body` twice on a side stream (libraries pick algorithms, buffers are allocated), then
  // records it. Tensors that body reads and writes must stay where they are; those it allocates
  // live in the graph's pool.
  virtual std::unique_ptr<CapturedGraph> Capture(const std::function<void()>& body) const = 0;

  // Calls `launch` with the current stream of `device`, a cudaStream_t, and throws unless it
  // returns cudaSuccess. Kernels go through CudaKernel of cuda_kernel.h.
  virtual void Launch(c10::Device device, c10::function_ref<int(void* stream)> launch) const = 0;
};

// Number of CUDA devices by the driver alone (libcuda.so.1), 0 without a driver. Loads no other
// library.
int CudaDeviceCount();

// Whether libdraftp_cuda.so lies where OpenCudaBackend looks for it.
bool HasCudaPart();

// Opens libdraftp_cuda.so once, from DRAFTP_CUDA_PLUGIN, beside the program, or from its runfiles.
// Error: no device, a program built without the CUDA toolkit, or a library that can't be loaded
// (dlerror's words).
absl::StatusOr<const CudaBackend*> OpenCudaBackend();

// For kernels (cuda_kernel.h): a function of the library by its name, and a launch on its current
// stream. Both throw where the library can't be opened.
void* CudaSymbol(const char* name);
void LaunchOnCuda(c10::Device device, c10::function_ref<int(void* stream)> launch);

}  // namespace draftp

#endif  // DRAFTP_KERNELS_CUDA_BACKEND_H_
