// By a thread four neighbouring channels.
#include <cuda_runtime.h>

#include "draftp/kernels/pair_load.cuh"
#include "draftp/kernels/pixel_sum.h"

namespace draftp::kernels {
namespace {

constexpr int kThreads = 256, kWidth = 4;

using Floats = Pack<float, kWidth>;

__device__ long long Index() { return blockIdx.x * static_cast<long long>(kThreads) + threadIdx.x; }

__device__ void Scale(Floats& x, float scale) {
#pragma unroll
  for (float2& pair : x.pairs) pair = {pair.x * scale, pair.y * scale};
}

template <class T>
__device__ Floats LoadFloats(const void* from, long long element) {
  const Pack<T, kWidth> loaded = Pack<T, kWidth>::Load(from, element);
  Floats x;
#pragma unroll
  for (int i = 0; i < Floats::kPairs; ++i) x.pairs[i] = loaded.pairs[i];
  return x;
}

__global__ void ToHalfKernel(long long packs, const float* from, float scale, void* to) {
  if (Index() >= packs) return;
  Floats x = Floats::Load(from, kWidth * Index());
  Scale(x, scale);
  Pack<__half, kWidth> y;
#pragma unroll
  for (int i = 0; i < Floats::kPairs; ++i) y.pairs[i] = x.pairs[i];
  y.StoreTo(to, kWidth * Index());
}

template <class T>
__global__ void PixelSumKernel(long long packs, int channels, PixelSumCall call) {
  const long long index = Index();
  if (index >= packs) return;
  Floats sum = LoadFloats<T>(call.y, kWidth * index);
  Scale(sum, call.scale);
  const auto add = [&sum](const float* addend, long long element) {
    const Floats more = Floats::Load(addend, element);
#pragma unroll
    for (int i = 0; i < Floats::kPairs; ++i) sum.pairs[i] = Add(sum.pairs[i], more.pairs[i]);
  };
  const unsigned per_row = channels / kWidth;
  const long long row = index < 0x80000000LL ? static_cast<unsigned>(index) / per_row
                                             : index / static_cast<long long>(per_row);
  if (call.bias) add(call.bias, kWidth * (index - row * per_row));
  if (call.residual) add(call.residual, kWidth * index);
  sum.StoreTo(call.sum, kWidth * index);
}

}  // namespace

int LaunchToHalf(long long count, const float* x, float scale, void* y, void* stream) {
  const long long packs = count / kWidth;
  ToHalfKernel<<<Blocks(packs, kThreads), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      packs, x, scale, y);
  return static_cast<int>(cudaGetLastError());
}

int LaunchPixelSum(bool half, long long rows, int channels, const PixelSumCall& call,
                   void* stream) {
  const long long packs = rows * (channels / kWidth);
  const auto kernel = half ? PixelSumKernel<__half> : PixelSumKernel<float>;
  kernel<<<Blocks(packs, kThreads), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      packs, channels, call);
  return static_cast<int>(cudaGetLastError());
}

}  // namespace draftp::kernels
