// libdraftp_cuda.so: LibTorch's CUDA backend and the project's kernels behind CudaBackend.
#include <ATen/core/Tensor.h>
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include "draftp/kernels/cuda_backend.h"
#include "draftp/kernels/rgb8_kernel.h"

namespace draftp {
namespace {

class Graph final : public CapturedGraph {
 public:
  explicit Graph(const std::function<void()>& body) {
    const c10::cuda::CUDAStream side = c10::cuda::getStreamFromPool();
    c10::cuda::getCurrentCUDAStream().synchronize();
    {
      const c10::cuda::CUDAStreamGuard guard(side);
      for (int warm_up = 0; warm_up < 2; ++warm_up) body();
      side.synchronize();
      graph_.capture_begin();
      body();
      graph_.capture_end();
    }
    side.synchronize();
  }

  void Replay() override { graph_.replay(); }

 private:
  at::cuda::CUDAGraph graph_;
};

class Backend final : public CudaBackend {
 public:
  int DeviceCount() const override { return c10::cuda::device_count(); }

  std::string DeviceName(int device) const override {
    cudaDeviceProp properties;
    C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, device));
    return properties.name;
  }

  void SetDevice(int device) const override {
    c10::cuda::set_device(static_cast<c10::DeviceIndex>(device));
  }

  void Synchronize() const override { c10::cuda::device_synchronize(); }

  int64_t PeakBytes() const override {
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(c10::cuda::current_device());
    return stats.allocated_bytes[0].peak;
  }

  std::unique_ptr<CapturedGraph> Capture(const std::function<void()>& body) const override {
    return std::make_unique<Graph>(body);
  }

  at::Tensor Rgb8(const at::Tensor& decoded) const override {
    const c10::cuda::CUDAGuard guard(decoded.device());
    const int64_t b = decoded.size(0), h = decoded.size(2), w = decoded.size(3);
    at::Tensor rgb = at::empty({b, h, w, 3}, decoded.options().dtype(at::kByte));
    const Rgb8Layout layout{
        b, h, w, decoded.stride(0), decoded.stride(1), decoded.stride(2), decoded.stride(3)};
    C10_CUDA_CHECK(static_cast<cudaError_t>(
        LaunchRgb8(decoded.const_data_ptr<float>(), rgb.mutable_data_ptr<unsigned char>(), layout,
                   c10::cuda::getCurrentCUDAStream().stream())));
    return rgb;
  }
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const CudaBackend* draftp_cuda_backend() {
  static const Backend backend;
  return &backend;
}

}  // namespace draftp
