// The gated GELU and what is added to pixels, by a thread a few channels.
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

// A thread's kWidth of [rows, channels] elements: their row and first channel. 32 bits divide
// faster.
template <int kWidth>
struct Place {
  long long element, row;
  int channel;
  bool active;

  __device__ Place(long long rows, int channels) {
    const long long index = blockIdx.x * static_cast<long long>(kThreads) + threadIdx.x;
    const unsigned per_row = channels / kWidth;
    element = kWidth * index;
    active = index < rows * per_row;
    row = index < 0x80000000LL ? static_cast<unsigned>(index) / per_row : index / per_row;
    channel = static_cast<int>(element - row * channels);
  }
};

template <class Pack>
__global__ void GatedGeluKernel(long long rows, int channels, const void* x, void* y) {
  const Place<Pack::kWidth> at(rows, channels);
  if (!at.active) return;
  const long long value_at = at.element + at.row * channels;
  const Pack value = Pack::Load(x, value_at), gate = Pack::Load(x, value_at + channels);
  Pack result;
#pragma unroll
  for (int i = 0; i < Pack::kPairs; ++i) {
    const float2 v = value.pairs[i], g = gate.pairs[i];
    result.pairs[i] = {v.x * g.x * Phi(g.x), v.y * g.y * Phi(g.y)};
  }
  result.StoreTo(y, at.element);
}

template <class Pack>
__global__ void GatedGeluBackwardKernel(long long rows, int channels, const void* x,
                                        const void* y_gradient, void* x_gradient) {
  const Place<Pack::kWidth> at(rows, channels);
  if (!at.active) return;
  const long long value_at = at.element + at.row * channels;
  const Pack value = Pack::Load(x, value_at), gate = Pack::Load(x, value_at + channels),
             gradient = Pack::Load(y_gradient, at.element);
  Pack of_value, of_gate;
#pragma unroll
  for (int i = 0; i < Pack::kPairs; ++i) {
    const float2 v = value.pairs[i], g = gate.pairs[i], d = gradient.pairs[i];
    of_value.pairs[i] = {d.x * g.x * Phi(g.x), d.y * g.y * Phi(g.y)};
    of_gate.pairs[i] = {d.x * v.x * GeluSlope(g.x), d.y * v.y * GeluSlope(g.y)};
  }
  of_value.StoreTo(x_gradient, value_at);
  of_gate.StoreTo(x_gradient, value_at + channels);
}

template <class Pack>
__global__ void AddendsKernel(long long rows, long long pixels, int channels, AddendsCall call) {
  const Place<Pack::kWidth> at(rows * pixels, channels);
  if (!at.active) return;
  Pack sum = Pack::Load(call.y, at.element);
  const auto add = [&sum](const void* addend, long long element) {
    const Pack more = Pack::Load(addend, element);
#pragma unroll
    for (int i = 0; i < Pack::kPairs; ++i) sum.pairs[i] = Add(sum.pairs[i], more.pairs[i]);
  };
  if (call.bias) add(call.bias, at.channel);
  if (call.image)
    add(call.image, (call.image_per_row ? at.row / pixels : 0) * channels + at.channel);
  if (call.residual) add(call.residual, at.element);
  sum.StoreTo(call.sum, at.element);
}

// body.operator()<Pack>(launch), where launch(kernel, arguments...) gives each pack a thread: the
// widest where `widest`.operator()<T>() allows it.
template <class Widest, class Body>
int LaunchPacks(KernelDtype dtype, long long rows, int channels, void* stream, Widest&& widest,
                Body&& body) {
  if (rows * channels == 0) return 0;
  return WithElementType(dtype, [&]<class T>() {
    const auto with = [&]<class Pack>() {
      body.template operator()<Pack>([&](auto kernel, auto... arguments) {
        kernel<<<Blocks(rows * (channels / Pack::kWidth), kThreads), kThreads, 0,
                 static_cast<cudaStream_t>(stream)>>>(arguments...);
      });
    };
    if (widest.template operator()<T>()) {
      with.template operator()<Pack<T, kWidest<T>>>();
    } else {
      with.template operator()<Pack<T, 2>>();
    }
    return static_cast<int>(cudaGetLastError());
  });
}

}  // namespace

int LaunchGatedGelu(KernelDtype dtype, long long rows, int channels, const void* x, void* y,
                    void* stream) {
  return LaunchPacks(
      dtype, rows, channels, stream, [&]<class T>() { return TakesWidest<T>(channels, x, y); },
      [&]<class Pack>(auto launch) { launch(GatedGeluKernel<Pack>, rows, channels, x, y); });
}

int LaunchGatedGeluBackward(KernelDtype dtype, long long rows, int channels, const void* x,
                            const void* y_gradient, void* x_gradient, void* stream) {
  return LaunchPacks(
      dtype, rows, channels, stream,
      [&]<class T>() { return TakesWidest<T>(channels, x, y_gradient, x_gradient); },
      [&]<class Pack>(auto launch) {
        launch(GatedGeluBackwardKernel<Pack>, rows, channels, x, y_gradient, x_gradient);
      });
}

int LaunchAddends(KernelDtype dtype, long long rows, long long pixels, int channels,
                  const AddendsCall& call, void* stream) {
  return LaunchPacks(
      dtype, rows * pixels, channels, stream,
      [&]<class T>() {
        return TakesWidest<T>(channels, call.y, call.bias, call.image, call.residual, call.sum);
      },
      [&]<class Pack>(auto launch) { launch(AddendsKernel<Pack>, rows, pixels, channels, call); });
}

}  // namespace draftp::kernels
