// libdraftp_cuda.so: LibTorch's CUDA backend behind CudaBackend. The kernels beside it are found by
// their names (DRAFTP_CUDA_ENTRY).
#include <ATen/Context.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

#include "draftp/kernels/cuda_backend.h"

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
      // What the graph's own pool takes can't come from what others keep for later.
      c10::cuda::CUDACachingAllocator::emptyCache();
      // Threads of NCCL's groups ask for their events meanwhile.
      graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
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

  int64_t PeakBytes(int device) const override {
    const auto stats =
        c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(device));
    return stats.allocated_bytes[0].peak;
  }

  int64_t AvailableBytes(int device) const override {
    at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);  // the allocator's beginning
    const auto index = static_cast<c10::DeviceIndex>(device);
    const c10::cuda::CUDAGuard guard(index);
    size_t free = 0, total = 0;
    C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    const auto held =
        c10::cuda::CUDACachingAllocator::getDeviceStats(index).reserved_bytes[0].current;
    const double limit =
        c10::cuda::CUDACachingAllocator::getMemoryFraction(index) * static_cast<double>(total);
    return std::min(static_cast<int64_t>(free) + held, static_cast<int64_t>(limit));
  }

  std::unique_ptr<CapturedGraph> Capture(const std::function<void()>& body) const override {
    return std::make_unique<Graph>(body);
  }

  void Launch(c10::Device device, c10::function_ref<int(void*)> launch) const override {
    const c10::cuda::CUDAGuard guard(device);
    C10_CUDA_CHECK(static_cast<cudaError_t>(launch(c10::cuda::getCurrentCUDAStream().stream())));
  }
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const CudaBackend* draftp_cuda_backend() {
  static const Backend backend;
  return &backend;
}

}  // namespace draftp
