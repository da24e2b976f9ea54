// Neighbouring elements of any floating dtype, two or as many as one access takes, computed with in
// float32.
#ifndef DRAFTP_KERNELS_PAIR_LOAD_CUH_
#define DRAFTP_KERNELS_PAIR_LOAD_CUH_

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstddef>
#include <cstring>

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

// Elements of the widest access, 16 bytes.
template <class T>
inline constexpr int kWidest = 16 / static_cast<int>(sizeof(T));

template <int kBytes>
struct WordOf;
template <>
struct WordOf<4> {
  using Type = unsigned;
};
template <>
struct WordOf<8> {
  using Type = uint2;
};
template <>
struct WordOf<16> {
  using Type = uint4;
};

// `width` neighbours by one access: 2 or kWidest<T>. `element` is a multiple of it, and `base`
// aligned to the access.
template <class T, int width>
struct Pack {
  static constexpr int kWidth = width;
  using Pair = typename PairOf<T>::Type;
  using Word = typename WordOf<kWidth * sizeof(T)>::Type;
  static constexpr int kPairs = kWidth / 2;

  float2 pairs[kPairs];

  __device__ static Pack Load(const void* base, long long element) {
    const Word word = *reinterpret_cast<const Word*>(static_cast<const T*>(base) + element);
    Pair raw[kPairs];
    memcpy(raw, &word, sizeof(word));
    Pack pack;
#pragma unroll
    for (int i = 0; i < kPairs; ++i) pack.pairs[i] = ToFloat(raw[i]);
    return pack;
  }

  __device__ void StoreTo(void* base, long long element) const {
    Pair raw[kPairs];
#pragma unroll
    for (int i = 0; i < kPairs; ++i) Store(&raw[i], pairs[i]);
    Word word;
    memcpy(&word, raw, sizeof(word));
    *reinterpret_cast<Word*>(static_cast<T*>(base) + element) = word;
  }
};

// Whether rows of `channels` elements that begin at these addresses (null is none) can be read by
// the widest access.
template <class T, class... Pointers>
bool TakesWidest(int channels, Pointers... pointers) {
  return channels % kWidest<T> == 0 && ((reinterpret_cast<size_t>(pointers) % 16 == 0) && ...);
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
