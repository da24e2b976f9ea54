// GroupNorm with SiLU over channels-last pixels. A block takes a slab of whole groups of one
// image's chunk of pixels, a thread two neighbouring channels of every n-th pixel. Where an image
// is one chunk, one launch computes statistics and result; else the sums of chunks come from a
// launch of their own. No atomics: every run sums in the same order.
#include <cuda_runtime.h>

#include "draftp/kernels/group_norm.h"
#include "draftp/kernels/pair_load.cuh"

namespace draftp::kernels {
namespace {

constexpr int kThreads = 512;
constexpr int kLeastSlab = 32;  // channels: a pixel's part of a slab is 64 bytes or more
constexpr int kMostSlab = 2 * kThreads;

// kMoments makes statistics of the sums; kGiven applies statistics that are there.
enum class Phase { kWhole, kSums, kApply, kMoments, kGiven };

// How a shape is shared out: channels of a slab, parts of an image's pixels.
struct Sharing {
  int slab, chunks;
};

Sharing Share(const GroupNormShape& shape) {
  const int group = shape.channels / shape.groups;
  int slab = group;
  while (slab < kLeastSlab || slab % 2 != 0) slab += group;
  return {slab, GroupNormChunks(shape)};
}

// Where a thread works: two channels of the pixels first, first + step, ... < end of an image.
struct Place {
  long long image, first, end;
  long long base;        // element of (image, pixel 0, the thread's first channel)
  int slab_begin, slab;  // channels of the block
  int group, groups;     // channels of a group; groups of the block
  int row, step, local;  // local: the thread's first channel, counted from slab_begin
  bool active;

  __device__ Place(const GroupNormShape& shape, const Sharing& sharing) {
    image = blockIdx.y;
    slab_begin = static_cast<int>(blockIdx.x) * sharing.slab;
    slab = min(sharing.slab, shape.channels - slab_begin);
    group = shape.channels / shape.groups;
    groups = slab / group;
    const int lanes = sharing.slab / 2;
    row = static_cast<int>(threadIdx.x) / lanes;
    step = static_cast<int>(blockDim.x) / lanes;
    local = 2 * (static_cast<int>(threadIdx.x) % lanes);
    active = row < step && local < slab;
    const long long chunk = (shape.pixels + sharing.chunks - 1) / sharing.chunks;
    first = blockIdx.z * chunk + row;
    end = active ? min((blockIdx.z + 1) * chunk, shape.pixels) : 0;
    base = image * shape.pixels * shape.channels + slab_begin + local;
  }
};

// Two numbers of each of a thread's channels, a and b, summed over the block into totals[slab].
__device__ void SumChannels(const Place& at, float2 a, float2 b, float2* scratch, float2* totals) {
  if (at.active) {
    scratch[at.row * at.slab + at.local] = {a.x, b.x};
    scratch[at.row * at.slab + at.local + 1] = {a.y, b.y};
  }
  __syncthreads();
  for (int c = threadIdx.x; c < at.slab; c += blockDim.x) {
    float2 total = {0, 0};
    for (int row = 0; row < at.step; ++row) total = Add(total, scratch[row * at.slab + c]);
    totals[c] = total;
  }
  __syncthreads();
}

// Mean and 1 / standard deviation from sums of (x - shift) and its square.
__device__ float2 Moments(float2 sums, float shift, float count, float eps) {
  const float mean = sums.x / count;
  return {shift + mean, rsqrtf(fmaxf(sums.y / count - mean * mean, 0.0f) + eps)};
}

template <class T, class Result, bool kSilu>
__global__ void __launch_bounds__(kThreads)
    Forward(GroupNormShape shape, GroupNormForward call, Sharing sharing, Phase phase) {
  __shared__ float2 scratch[2 * kThreads], totals[kMostSlab], moments[kLeastSlab];
  const Place at(shape, sharing);
  const int g0 = at.local / at.group, g1 = (at.local + 1) / at.group;
  const long long image_base = at.image * shape.pixels * shape.channels + at.slab_begin;
  float2* const sums = reinterpret_cast<float2*>(call.sums);
  const long long group_base = at.slab_begin / at.group;
  if (phase == Phase::kWhole || phase == Phase::kSums) {
    // Shifted by the group's first element: a mean far from 0 would cancel the squares' digits.
    float2 sum = {0, 0}, square = {0, 0}, shift = {0, 0};
    if (at.active) {
      shift = {LoadOne<T>(call.x, image_base + g0 * at.group),
               LoadOne<T>(call.x, image_base + g1 * at.group)};
    }
#pragma unroll 8
    for (long long p = at.first; p < at.end; p += at.step) {
      const float2 x = LoadPair<T>(call.x, at.base + p * shape.channels);
      const float2 d = {x.x - shift.x, x.y - shift.y};
      sum = Add(sum, d);
      square = Add(square, {d.x * d.x, d.y * d.y});
    }
    SumChannels(at, sum, square, scratch, totals);
  }
  float2* const statistics =
      reinterpret_cast<float2*>(call.statistics) + at.image * shape.groups + group_base;
  for (int g = threadIdx.x; g < at.groups; g += blockDim.x) {
    if (phase == Phase::kGiven) {
      moments[g] = statistics[g];
      continue;
    }
    float2 total = {0, 0};
    if (phase == Phase::kApply || phase == Phase::kMoments) {
      for (int k = 0; k < sharing.chunks; ++k)
        total = Add(total, sums[(at.image * sharing.chunks + k) * shape.groups + group_base + g]);
    } else {
      for (int c = 0; c < at.group; ++c) total = Add(total, totals[g * at.group + c]);
    }
    if (phase == Phase::kSums) {
      sums[(at.image * sharing.chunks + blockIdx.z) * shape.groups + group_base + g] = total;
      continue;
    }
    const float count = static_cast<float>(shape.pixels) * at.group;
    moments[g] = Moments(total, LoadOne<T>(call.x, image_base + g * at.group), count,
                         static_cast<float>(call.eps));
    if (blockIdx.z == 0) statistics[g] = moments[g];
  }
  if (phase == Phase::kSums || phase == Phase::kMoments) return;
  __syncthreads();
  if (!at.active) return;
  const float2 weight = LoadPair<T>(call.weight, at.slab_begin + at.local),
               bias = LoadPair<T>(call.bias, at.slab_begin + at.local);
  const float2 m0 = moments[g0], m1 = moments[g1];
  const float2 scale = {m0.y * weight.x, m1.y * weight.y};
#pragma unroll 8
  for (long long p = at.first; p < at.end; p += at.step) {
    const float2 x = LoadPair<T>(call.x, at.base + p * shape.channels);
    float2 y = {(x.x - m0.x) * scale.x + bias.x, (x.y - m1.x) * scale.y + bias.y};
    if (kSilu) y = {y.x / (1.0f + expf(-y.x)), y.y / (1.0f + expf(-y.y))};
    StorePair<Result>(call.y, at.base + p * shape.channels, y);
  }
}

// One channel's constants in the backward pass.
struct Channel {
  float mean, inverse, weight, bias;

  __device__ float Normal(float x) const { return (x - mean) * inverse; }
  // The gradient of the normalised, scaled and shifted value.
  template <bool kSilu>
  __device__ float Inner(float normal, float outer) const {
    if (!kSilu) return outer;
    const float z = normal * weight + bias, sigmoid = 1.0f / (1.0f + expf(-z));
    return outer * sigmoid * (1.0f + z * (1.0f - sigmoid));
  }
};

template <class T, bool kSilu>
__global__ void __launch_bounds__(kThreads)
    Backward(GroupNormShape shape, GroupNormBackward call, Sharing sharing, Phase phase) {
  __shared__ float2 scratch[2 * kThreads], totals[kMostSlab], means[kLeastSlab];
  const Place at(shape, sharing);
  const int g0 = at.local / at.group, g1 = (at.local + 1) / at.group;
  const float2* const statistics = reinterpret_cast<const float2*>(call.statistics) +
                                   at.image * shape.groups + at.slab_begin / at.group;
  Channel c0 = {0, 0, 0, 0}, c1 = {0, 0, 0, 0};
  if (at.active) {
    const float2 weight = LoadPair<T>(call.weight, at.slab_begin + at.local),
                 bias = LoadPair<T>(call.bias, at.slab_begin + at.local);
    c0 = {statistics[g0].x, statistics[g0].y, weight.x, bias.x};
    c1 = {statistics[g1].x, statistics[g1].y, weight.y, bias.y};
  }
  float2* const sums = reinterpret_cast<float2*>(call.sums) +
                       at.image * sharing.chunks * shape.channels + at.slab_begin;
  if (phase != Phase::kApply) {
    float2 plain = {0, 0}, weighted = {0, 0};
#pragma unroll 8
    for (long long p = at.first; p < at.end; p += at.step) {
      const float2 x = LoadPair<T>(call.x, at.base + p * shape.channels),
                   y = LoadPair<T>(call.y_gradient, at.base + p * shape.channels);
      const float2 n = {c0.Normal(x.x), c1.Normal(x.y)};
      const float2 d = {c0.Inner<kSilu>(n.x, y.x), c1.Inner<kSilu>(n.y, y.y)};
      plain = Add(plain, d);
      weighted = Add(weighted, {d.x * n.x, d.y * n.y});
    }
    SumChannels(at, plain, weighted, scratch, totals);
    for (int c = threadIdx.x; c < at.slab; c += blockDim.x)
      sums[blockIdx.z * static_cast<long long>(shape.channels) + c] = totals[c];
    if (phase == Phase::kSums) return;
  } else {
    for (int c = threadIdx.x; c < at.slab; c += blockDim.x) {
      float2 total = {0, 0};
      for (long long k = 0; k < sharing.chunks; ++k)
        total = Add(total, sums[k * shape.channels + c]);
      totals[c] = total;
    }
    __syncthreads();
  }
  const float count = static_cast<float>(shape.pixels) * at.group;
  for (int g = threadIdx.x; g < at.groups; g += blockDim.x) {
    float2 mean = {0, 0};
    for (int c = g * at.group; c < (g + 1) * at.group; ++c) {
      const float weight = LoadOne<T>(call.weight, at.slab_begin + c) / count;
      mean = Add(mean, {weight * totals[c].x, weight * totals[c].y});
    }
    means[g] = mean;
  }
  __syncthreads();
  if (!at.active) return;
  const float2 m0 = means[g0], m1 = means[g1];
#pragma unroll 8
  for (long long p = at.first; p < at.end; p += at.step) {
    const float2 x = LoadPair<T>(call.x, at.base + p * shape.channels),
                 y = LoadPair<T>(call.y_gradient, at.base + p * shape.channels);
    const float2 n = {c0.Normal(x.x), c1.Normal(x.y)};
    StorePair<T>(call.x_gradient, at.base + p * shape.channels,
                 {c0.inverse * (c0.weight * c0.Inner<kSilu>(n.x, y.x) - m0.x - n.x * m0.y),
                  c1.inverse * (c1.weight * c1.Inner<kSilu>(n.y, y.y) - m1.x - n.y * m1.y)});
  }
}

// Launches `kernel(shape, call, sharing, phase)` once, or twice where an image has several chunks.
template <class Kernel, class Call>
int Launch(Kernel kernel, const GroupNormShape& shape, const Call& call, void* stream,
           GroupNormPart part = GroupNormPart::kWhole) {
  const Sharing sharing = Share(shape);
  const auto slabs = static_cast<unsigned>((shape.channels + sharing.slab - 1) / sharing.slab);
  const auto launch = [&](Phase phase, int chunks) {
    const dim3 grid(slabs, static_cast<unsigned>(shape.images), static_cast<unsigned>(chunks));
    kernel<<<grid, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(shape, call, sharing, phase);
  };
  if (part == GroupNormPart::kNormalise) {
    launch(Phase::kGiven, sharing.chunks);
  } else if (part == GroupNormPart::kStatistics) {
    launch(Phase::kSums, sharing.chunks);
    launch(Phase::kMoments, 1);
  } else if (sharing.chunks == 1) {
    launch(Phase::kWhole, 1);
  } else {
    launch(Phase::kSums, sharing.chunks);
    launch(Phase::kApply, sharing.chunks);
  }
  return static_cast<int>(cudaGetLastError());
}

}  // namespace

int LaunchGroupNorm(KernelDtype dtype, const GroupNormShape& shape, const GroupNormForward& call,
                    void* stream) {
  const auto into = [&]<class T, class Result>() {
    return Launch(call.silu ? Forward<T, Result, true> : Forward<T, Result, false>, shape, call,
                  stream, call.part);
  };
  if (call.half_result && dtype == KernelDtype::kFloat)
    return into.template operator()<float, __half>();
  return WithElementType(dtype, [&]<class T>() { return into.template operator()<T, T>(); });
}

int LaunchGroupNormBackward(KernelDtype dtype, const GroupNormShape& shape,
                            const GroupNormBackward& call, void* stream) {
  return WithElementType(dtype, [&]<class T>() {
    return Launch(call.silu ? Backward<T, true> : Backward<T, false>, shape, call, stream);
  });
}

}  // namespace draftp::kernels
