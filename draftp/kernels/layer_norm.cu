// LayerNorm by a warp a row.
#include <cuda_runtime.h>

#include "draftp/kernels/layer_norm.h"
#include "draftp/kernels/pair_load.cuh"

namespace draftp::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kWarp = 32;
constexpr int kRowsPerBlock = kThreads / kWarp;

__device__ float WarpSum(float v) {
  for (int lane = kWarp / 2; lane > 0; lane /= 2) v += __shfl_xor_sync(0xffffffffu, v, lane);
  return v;
}

// Mean first, then squares of what is left: the second reading comes from the cache.
template <class T>
__global__ void LayerNormKernel(long long rows, int channels, LayerNormForward call) {
  const long long row = blockIdx.x * static_cast<long long>(kRowsPerBlock) + threadIdx.x / kWarp;
  if (row >= rows) return;
  const int lane = 2 * (static_cast<int>(threadIdx.x) % kWarp);
  const long long base = row * channels;
  float sum = 0;
#pragma unroll 4
  for (int c = lane; c < channels; c += 2 * kWarp) {
    const float2 x = LoadPair<T>(call.x, base + c);
    sum += x.x + x.y;
  }
  const float mean = WarpSum(sum) / static_cast<float>(channels);
  float square = 0;
#pragma unroll 4
  for (int c = lane; c < channels; c += 2 * kWarp) {
    const float2 x = LoadPair<T>(call.x, base + c);
    square += (x.x - mean) * (x.x - mean) + (x.y - mean) * (x.y - mean);
  }
  const float inverse =
      rsqrtf(WarpSum(square) / static_cast<float>(channels) + static_cast<float>(call.eps));
#pragma unroll 4
  for (int c = lane; c < channels; c += 2 * kWarp) {
    const float2 x = LoadPair<T>(call.x, base + c), weight = LoadPair<T>(call.weight, c),
                 bias = LoadPair<T>(call.bias, c);
    StorePair<T>(
        call.y, base + c,
        {(x.x - mean) * inverse * weight.x + bias.x, (x.y - mean) * inverse * weight.y + bias.y});
  }
  if (lane == 0) {
    call.mean[row] = mean;
    call.inverse[row] = inverse;
  }
}

}  // namespace

int LaunchLayerNorm(KernelDtype dtype, long long rows, int channels, const LayerNormForward& call,
                    void* stream) {
  if (rows == 0) return 0;
  return WithElementType(dtype, [&]<class T>() {
    LayerNormKernel<T>
        <<<Blocks(rows, kRowsPerBlock), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
            rows, channels, call);
    return static_cast<int>(cudaGetLastError());
  });
}

}  // namespace draftp::kernels
