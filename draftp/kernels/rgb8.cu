// Rgb8's kernel: a thread per pixel reads its three channels and writes three bytes.
#include <cuda_runtime.h>

#include "draftp/kernels/rgb8.h"

namespace draftp {
namespace {

constexpr int kThreads = 256;

// (x + 1) / 2 * 255 in the order of the reference, without contraction to a fused multiply-add: the
// truncation that follows would show a last-bit difference as a step of 1.
__device__ unsigned char ToByte(float x) {
  const float unit = fminf(fmaxf(__fmul_rn(__fadd_rn(x, 1.0f), 0.5f), 0.0f), 1.0f);
  return static_cast<unsigned char>(__fmul_rn(unit, 255.0f));
}

__global__ void Rgb8Kernel(const float* __restrict__ image, unsigned char* __restrict__ rgb,
                           Rgb8Layout layout) {
  const long long pixel = blockIdx.x * static_cast<long long>(kThreads) + threadIdx.x;
  const long long plane = layout.height * layout.width;
  if (pixel >= layout.batch * plane) return;
  const long long b = pixel / plane;
  const long long y = (pixel % plane) / layout.width;
  const long long x = pixel % layout.width;
  const float* source = image + b * layout.stride_b + y * layout.stride_h + x * layout.stride_w;
  for (int c = 0; c < 3; ++c) rgb[3 * pixel + c] = ToByte(source[c * layout.stride_c]);
}

}  // namespace

int LaunchRgb8(const float* image, unsigned char* rgb, const Rgb8Layout& layout, void* stream) {
  const long long pixels = layout.batch * layout.height * layout.width;
  if (pixels == 0) return 0;
  const auto blocks = static_cast<unsigned>((pixels + kThreads - 1) / kThreads);
  Rgb8Kernel<<<blocks, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(image, rgb, layout);
  return static_cast<int>(cudaGetLastError());
}

}  // namespace draftp
