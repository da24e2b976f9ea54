// Two neighbouring elements of any floating dtype, computed with in float32.
#ifndef DRAFTP_KERNELS_PAIR_LOAD_CUH_
#define DRAFTP_KERNELS_PAIR_LOAD_CUH_

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "draftp/kernels/cuda_entry.h"

namespace draftp::kernels {

template <class T>
struct PairOf;
template <>
struct PairOf<float> {
  using Type = float2;
};
template <>
struct PairOf<__half> {
  using Type = __half2;
};
template <>
struct PairOf<__nv_bfloat16> {
  using Type = __nv_bfloat162;
};

__device__ inline float2 ToFloat(float2 v) { return v; }
__device__ inline float2 ToFloat(__half2 v) { return __half22float2(v); }
__device__ inline float2 ToFloat(__nv_bfloat162 v) { return __bfloat1622float2(v); }
__device__ inline void Store(float2* at, float2 v) { *at = v; }
__device__ inline void Store(__half2* at, float2 v) { *at = __float22half2_rn(v); }
__device__ inline void Store(__nv_bfloat162* at, float2 v) { *at = __float22bfloat162_rn(v); }

// `element` is even.
template <class T>
__device__ float2 LoadPair(const void* base, long long element) {
  using Pair = typename PairOf<T>::Type;
  return ToFloat(*reinterpret_cast<const Pair*>(static_cast<const T*>(base) + element));
}

template <class T>
__device__ void StorePair(void* base, long long element, float2 value) {
  using Pair = typename PairOf<T>::Type;
  Store(reinterpret_cast<Pair*>(static_cast<T*>(base) + element), value);
}

template <class T>
__device__ float LoadOne(const void* base, long long element) {
  return static_cast<float>(static_cast<const T*>(base)[element]);
}

__device__ inline float2 Add(float2 a, float2 b) { return {a.x + b.x, a.y + b.y}; }

// Blocks of `share` each for `work`.
inline unsigned Blocks(long long work, int share) {
  return static_cast<unsigned>((work + share - 1) / share);
}

// launch.operator()<T>() for the dtype's element type.
template <class F>
int WithElementType(KernelDtype dtype, F&& launch) {
  switch (dtype) {
    case KernelDtype::kFloat:
      return launch.template operator()<float>();
    case KernelDtype::kHalf:
      return launch.template operator()<__half>();
    case KernelDtype::kBfloat16:
      return launch.template operator()<__nv_bfloat16>();
  }
  return static_cast<int>(cudaErrorInvalidValue);
}

}  // namespace draftp::kernels

#endif  // DRAFTP_KERNELS_PAIR_LOAD_CUH_
