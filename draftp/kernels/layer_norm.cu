// LayerNorm by a warp a row, which its registers hold where the row is short enough.
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

__device__ void KeepMoments(const LayerNormForward& call, long long row, float mean,
                            float inverse) {
  if (call.mean == nullptr || threadIdx.x % kWarp != 0) return;
  call.mean[row] = mean;
  call.inverse[row] = inverse;
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
  KeepMoments(call, row, mean, inverse);
}

// Most accesses of a lane that its registers hold: 2048 channels of 16 bits, 1024 of 32.
constexpr int kMostPacks = 8;

template <class T, int kPacks>
__global__ void LayerNormInRegisters(long long rows, int channels, LayerNormForward call) {
  constexpr int kWidth = kWidest<T>;
  using Pack = Pack<T, kWidth>;
  const long long row = blockIdx.x * static_cast<long long>(kRowsPerBlock) + threadIdx.x / kWarp;
  if (row >= rows) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const long long base = row * channels;
  const auto channel = [lane](int i) { return (lane + i * kWarp) * kWidth; };
  Pack x[kPacks];
  float sum = 0;
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    if (channel(i) >= channels) continue;
    x[i] = Pack::Load(call.x, base + channel(i));
#pragma unroll
    for (const float2 v : x[i].pairs) sum += v.x + v.y;
  }
  const float mean = WarpSum(sum) / static_cast<float>(channels);
  float square = 0;
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    if (channel(i) >= channels) continue;
#pragma unroll
    for (const float2 v : x[i].pairs)
      square += (v.x - mean) * (v.x - mean) + (v.y - mean) * (v.y - mean);
  }
  const float inverse =
      rsqrtf(WarpSum(square) / static_cast<float>(channels) + static_cast<float>(call.eps));
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    if (channel(i) >= channels) continue;
    const Pack weight = Pack::Load(call.weight, channel(i)),
               bias = Pack::Load(call.bias, channel(i));
    Pack y;
#pragma unroll
    for (int k = 0; k < Pack::kPairs; ++k) {
      y.pairs[k] = {(x[i].pairs[k].x - mean) * inverse * weight.pairs[k].x + bias.pairs[k].x,
                    (x[i].pairs[k].y - mean) * inverse * weight.pairs[k].y + bias.pairs[k].y};
    }
    y.StoreTo(call.y, base + channel(i));
  }
  KeepMoments(call, row, mean, inverse);
}

using Kernel = void (*)(long long, int, LayerNormForward);

// The kernel of the fewest registers that hold a row of `channels`, or null.
template <class T, int kPacks = 1>
Kernel RegisterKernel(int channels) {
  if constexpr (kPacks > kMostPacks) {
    return nullptr;
  } else {
    if (channels <= kPacks * kWarp * kWidest<T>) return LayerNormInRegisters<T, kPacks>;
    return RegisterKernel<T, kPacks + 1>(channels);
  }
}

template <class T>
Kernel Choose(int channels, const LayerNormForward& call) {
  const bool widest = TakesWidest<T>(channels, call.x, call.weight, call.bias, call.y);
  const Kernel kernel = widest ? RegisterKernel<T>(channels) : nullptr;
  return kernel != nullptr ? kernel : LayerNormKernel<T>;
}

}  // namespace

int LaunchLayerNorm(KernelDtype dtype, long long rows, int channels, const LayerNormForward& call,
                    void* stream) {
  if (rows == 0) return 0;
  return WithElementType(dtype, [&]<class T>() {
    Choose<T>(
        channels,
        call)<<<Blocks(rows, kRowsPerBlock), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        rows, channels, call);
    return static_cast<int>(cudaGetLastError());
  });
}

}  // namespace draftp::kernels
