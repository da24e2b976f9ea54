// libdraftp_cuda.so: LibTorch's CUDA backend and the project's kernels behind CudaBackend.
#include <ATen/core/Tensor.h>
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/Exception.h>
#include <cuda_runtime_api.h>

#include <vector>

#include "draftp/kernels/cuda_backend.h"
#include "draftp/kernels/group_norm_kernel.h"
#include "draftp/kernels/rgb8_kernel.h"
#include "draftp/kernels/rows_kernel.h"

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

KernelDtype DtypeOf(const at::Tensor& x) {
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

at::Tensor Floats(const at::Tensor& like, at::IntArrayRef sizes) {
  return at::empty(sizes, like.options().dtype(at::kFloat));
}

void* Stream() { return c10::cuda::getCurrentCUDAStream().stream(); }

void Check(int launched) { C10_CUDA_CHECK(static_cast<cudaError_t>(launched)); }

GroupNormShape ShapeOf(const at::Tensor& x, int64_t groups) {
  TORCH_CHECK(x.size(0) <= 65535, "GroupNorm: found ", x.size(0),
              " images, expected at most 65535");
  return {x.size(0), x.size(2) * x.size(3), static_cast<int>(x.size(1)), static_cast<int>(groups)};
}

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
    Check(LaunchRgb8(decoded.const_data_ptr<float>(), rgb.mutable_data_ptr<unsigned char>(), layout,
                     Stream()));
    return rgb;
  }

  Normalised GroupNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                       int64_t groups, double eps, bool silu) const override {
    const c10::cuda::CUDAGuard guard(x.device());
    const GroupNormShape shape = ShapeOf(x, groups);
    const int64_t chunks = GroupNormChunks(shape);
    Normalised result{at::empty_like(x), Floats(x, {x.size(0), groups, 2})};
    if (x.numel() == 0) return result;
    const at::Tensor sums = Floats(x, {chunks > 1 ? x.size(0) * chunks * groups * 2 : 0});
    Check(LaunchGroupNorm(DtypeOf(x), shape,
                          {x.const_data_ptr(), weight.const_data_ptr(), bias.const_data_ptr(),
                           result.y.mutable_data_ptr(), result.statistics.mutable_data_ptr<float>(),
                           sums.mutable_data_ptr<float>(), eps, silu},
                          Stream()));
    return result;
  }

  NormGradient GroupNormBackward(const at::Tensor& x, const at::Tensor& weight,
                                 const at::Tensor& bias, const at::Tensor& statistics,
                                 const at::Tensor& gradient, bool silu) const override {
    const c10::cuda::CUDAGuard guard(x.device());
    const GroupNormShape shape = ShapeOf(x, statistics.size(1));
    NormGradient result{at::empty_like(x),
                        Floats(x, {x.size(0), GroupNormChunks(shape), x.size(1), 2})};
    if (x.numel() == 0) return result;
    Check(LaunchGroupNormBackward(
        DtypeOf(x), shape,
        {x.const_data_ptr(), weight.const_data_ptr(), bias.const_data_ptr(),
         gradient.const_data_ptr(), statistics.const_data_ptr<float>(), result.x.mutable_data_ptr(),
         result.sums.mutable_data_ptr<float>(), silu},
        Stream()));
    return result;
  }

  NormalisedRows LayerNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           double eps) const override {
    const c10::cuda::CUDAGuard guard(x.device());
    const int64_t channels = x.size(-1), rows = x.numel() / channels;
    NormalisedRows result{at::empty_like(x), Floats(x, {rows}), Floats(x, {rows})};
    Check(LaunchLayerNorm(DtypeOf(x), rows, static_cast<int>(channels),
                          {x.const_data_ptr(), weight.const_data_ptr(), bias.const_data_ptr(),
                           result.y.mutable_data_ptr(), result.mean.mutable_data_ptr<float>(),
                           result.inverse.mutable_data_ptr<float>(), eps},
                          Stream()));
    return result;
  }

  at::Tensor GatedGelu(const at::Tensor& x) const override {
    const c10::cuda::CUDAGuard guard(x.device());
    std::vector<int64_t> sizes = x.sizes().vec();
    sizes.back() /= 2;
    at::Tensor y = at::empty(sizes, x.options());
    Check(LaunchGatedGelu(DtypeOf(x), y.numel() / sizes.back(), static_cast<int>(sizes.back()),
                          x.const_data_ptr(), y.mutable_data_ptr(), Stream()));
    return y;
  }

  at::Tensor GatedGeluBackward(const at::Tensor& x, const at::Tensor& gradient) const override {
    const c10::cuda::CUDAGuard guard(x.device());
    const int64_t channels = gradient.size(-1);
    at::Tensor result = at::empty_like(x);
    Check(LaunchGatedGeluBackward(DtypeOf(x), gradient.numel() / channels,
                                  static_cast<int>(channels), x.const_data_ptr(),
                                  gradient.const_data_ptr(), result.mutable_data_ptr(), Stream()));
    return result;
  }

  at::Tensor AddToPixels(const at::Tensor& y, const at::Tensor& bias, const at::Tensor& channels,
                         const at::Tensor& pixels) const override {
    const c10::cuda::CUDAGuard guard(y.device());
    const auto data = [](const at::Tensor& x) {
      return x.defined() ? x.const_data_ptr() : nullptr;
    };
    at::Tensor sum = at::empty_like(y);
    Check(LaunchAddends(
        DtypeOf(y), y.size(0), y.size(2) * y.size(3), static_cast<int>(y.size(1)),
        {y.const_data_ptr(), data(bias), data(channels), channels.defined() && channels.size(0) > 1,
         data(pixels), sum.mutable_data_ptr()},
        Stream()));
    return sum;
  }
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const CudaBackend* draftp_cuda_backend() {
  static const Backend backend;
  return &backend;
}

}  // namespace draftp
