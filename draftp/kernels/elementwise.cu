// The gated GELU and what is added to pixels, by a thread a pair of channels.
#include <cuda_runtime.h>

#include "draftp/kernels/elementwise.h"
#include "draftp/kernels/pair_load.cuh"

namespace draftp::kernels {
namespace {

constexpr int kThreads = 256;

// The normal distribution's share below x.
__device__ float Phi(float x) { return 0.5f * (1.0f + erff(x * 0.70710678118654752f)); }

// d (x Phi(x)) / dx
__device__ float GeluSlope(float x) {
  return Phi(x) + x * 0.39894228040143268f * expf(-0.5f * x * x);
}

// A thread's pair of [rows, channels] elements: its row and first channel. 32 bits divide faster.
struct PairPlace {
  long long element, row;
  int channel;
  bool active;

  __device__ PairPlace(long long rows, int channels) {
    const long long pair = blockIdx.x * static_cast<long long>(kThreads) + threadIdx.x;
    const unsigned half = channels / 2;
    element = 2 * pair;
    active = pair < rows * half;
    row = pair < 0x80000000LL ? static_cast<unsigned>(pair) / half : pair / half;
    channel = static_cast<int>(element - row * channels);
  }
};

template <class T>
__global__ void GatedGeluKernel(long long rows, int channels, const void* x, void* y) {
  const PairPlace at(rows, channels);
  if (!at.active) return;
  const long long value_at = at.element + at.row * channels;
  const float2 value = LoadPair<T>(x, value_at), gate = LoadPair<T>(x, value_at + channels);
  StorePair<T>(y, at.element, {value.x * gate.x * Phi(gate.x), value.y * gate.y * Phi(gate.y)});
}

template <class T>
__global__ void GatedGeluBackwardKernel(long long rows, int channels, const void* x,
                                        const void* y_gradient, void* x_gradient) {
  const PairPlace at(rows, channels);
  if (!at.active) return;
  const long long value_at = at.element + at.row * channels;
  const float2 value = LoadPair<T>(x, value_at), gate = LoadPair<T>(x, value_at + channels),
               g = LoadPair<T>(y_gradient, at.element);
  StorePair<T>(x_gradient, value_at, {g.x * gate.x * Phi(gate.x), g.y * gate.y * Phi(gate.y)});
  StorePair<T>(x_gradient, value_at + channels,
               {g.x * value.x * GeluSlope(gate.x), g.y * value.y * GeluSlope(gate.y)});
}

template <class T>
__global__ void AddendsKernel(long long rows, long long pixels, int channels, AddendsCall call) {
  const PairPlace at(rows * pixels, channels);
  if (!at.active) return;
  float2 sum = LoadPair<T>(call.y, at.element);
  if (call.bias) sum = Add(sum, LoadPair<T>(call.bias, at.channel));
  if (call.image) {
    const long long row = call.image_per_row ? at.row / pixels : 0;
    sum = Add(sum, LoadPair<T>(call.image, row * channels + at.channel));
  }
  if (call.residual) sum = Add(sum, LoadPair<T>(call.residual, at.element));
  StorePair<T>(call.sum, at.element, sum);
}

// body.operator()<T>(launch), where launch(kernel, arguments...) gives each pair a thread.
template <class Body>
int LaunchPairs(KernelDtype dtype, long long rows, int channels, void* stream, Body&& body) {
  const long long pairs = rows * (channels / 2);
  if (pairs == 0) return 0;
  return WithElementType(dtype, [&]<class T>() {
    body.template operator()<T>([&](auto kernel, auto... arguments) {
      kernel<<<Blocks(pairs, kThreads), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
          arguments...);
    });
    return static_cast<int>(cudaGetLastError());
  });
}

}  // namespace

int LaunchGatedGelu(KernelDtype dtype, long long rows, int channels, const void* x, void* y,
                    void* stream) {
  return LaunchPairs(dtype, rows, channels, stream, [&]<class T>(auto launch) {
    launch(GatedGeluKernel<T>, rows, channels, x, y);
  });
}

int LaunchGatedGeluBackward(KernelDtype dtype, long long rows, int channels, const void* x,
                            const void* y_gradient, void* x_gradient, void* stream) {
  return LaunchPairs(dtype, rows, channels, stream, [&]<class T>(auto launch) {
    launch(GatedGeluBackwardKernel<T>, rows, channels, x, y_gradient, x_gradient);
  });
}

int LaunchAddends(KernelDtype dtype, long long rows, long long pixels, int channels,
                  const AddendsCall& call, void* stream) {
  return LaunchPairs(dtype, rows * pixels, channels, stream, [&]<class T>(auto launch) {
    launch(AddendsKernel<T>, rows, pixels, channels, call);
  });
}

}  // namespace draftp::kernels
