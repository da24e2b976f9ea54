// The CUDA part of the program, opened at run time when there is a GPU, so that a CPU run loads no
// CUDA library.
#ifndef DRAFTP_KERNELS_CUDA_BACKEND_H_
#define DRAFTP_KERNELS_CUDA_BACKEND_H_

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>

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

// What libdraftp_cuda.so offers; its one symbol is `draftp_cuda_backend`. Opening it also registers
// LibTorch's CUDA operators, after which tensors may live on the GPU.
class CudaBackend {
 public:
  virtual ~CudaBackend() = default;

  virtual int DeviceCount() const = 0;
  virtual std::string DeviceName(int device) const = 0;
  virtual void SetDevice(int device) const = 0;
  virtual void Synchronize() const = 0;
  // Most bytes that LibTorch's allocator has had in use on the current device.
  virtual int64_t PeakBytes() const = 0;

  // Runs `body` twice on a side stream (libraries pick algorithms, buffers are allocated), then
  // records it. Tensors that body reads and writes must stay where they are; those it allocates
  // live in the graph's pool.
  virtual std::unique_ptr<CapturedGraph> Capture(const std::function<void()>& body) const = 0;

  // Rgb8 of draftp/kernels/rgb8.h for a CUDA tensor.
  virtual at::Tensor Rgb8(const at::Tensor& decoded) const = 0;

  // The kernels behind draftp/kernels/cuda_layers.h, which says what they compute and checks what
  // they are given: x [R,C,h,w] channels-last, else contiguous; gradients in the format of x.
  struct Normalised {
    at::Tensor y;
    at::Tensor statistics;  // [R,groups,2] float32: mean, 1 / standard deviation
  };
  virtual Normalised GroupNorm(const at::Tensor& x, const at::Tensor& weight,
                               const at::Tensor& bias, int64_t groups, double eps,
                               bool silu) const = 0;
  struct NormGradient {
    at::Tensor x;
    at::Tensor sums;  // [R,parts,C,2] float32, summed over R and parts: of bias, of weight
  };
  virtual NormGradient GroupNormBackward(const at::Tensor& x, const at::Tensor& weight,
                                         const at::Tensor& bias, const at::Tensor& statistics,
                                         const at::Tensor& gradient, bool silu) const = 0;
  struct NormalisedRows {
    at::Tensor y;
    at::Tensor mean, inverse;  // [rows] float32
  };
  virtual NormalisedRows LayerNorm(const at::Tensor& x, const at::Tensor& weight,
                                   const at::Tensor& bias, double eps) const = 0;
  virtual at::Tensor GatedGelu(const at::Tensor& x) const = 0;
  virtual at::Tensor GatedGeluBackward(const at::Tensor& x, const at::Tensor& gradient) const = 0;
  virtual at::Tensor AddToPixels(const at::Tensor& y, const at::Tensor& bias,
                                 const at::Tensor& channels, const at::Tensor& pixels) const = 0;
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

}  // namespace draftp

#endif  // DRAFTP_KERNELS_CUDA_BACKEND_H_
