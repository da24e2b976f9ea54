// Elementary functions over the compiler's vectors, to a few units in the last place of float32.
// For the kernels' own files alone: everything is local to the file that includes it, which is
// compiled for one instruction set.
#ifndef DRAFTP_KERNELS_CPU_VECTOR_MATH_H_
#define DRAFTP_KERNELS_CPU_VECTOR_MATH_H_

#include <cstdint>

namespace draftp::cpu {
namespace {

template <int kWidth>
struct VectorTypes;

#define DRAFTP_VECTOR_TYPES(width)                                                          \
  template <>                                                                               \
  struct VectorTypes<width> {                                                               \
    typedef float V __attribute__((vector_size(4 * width)));                                \
    typedef int32_t Bits __attribute__((vector_size(4 * width)));                           \
    typedef float Unaligned __attribute__((vector_size(4 * width), aligned(4), may_alias)); \
  }
DRAFTP_VECTOR_TYPES(4);
DRAFTP_VECTOR_TYPES(8);
DRAFTP_VECTOR_TYPES(16);
#undef DRAFTP_VECTOR_TYPES

// kWidth lanes of float32.
template <int kWidth>
struct Vector {
  using V = typename VectorTypes<kWidth>::V;
  using Bits = typename VectorTypes<kWidth>::Bits;
  using Unaligned = typename VectorTypes<kWidth>::Unaligned;

  static V Load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
  static void Store(float* to, V x) { *reinterpret_cast<Unaligned*>(to) = x; }
  static V Splat(float x) { return x - V{}; }

  // The first `count` lanes, or all where there are more; the others are zero, or left alone.
  static V LoadSome(const float* from, int64_t count) {
    if (count >= kWidth) return Load(from);
    V x = {};
    for (int64_t i = 0; i < count; ++i) x[i] = from[i];
    return x;
  }
  static void StoreSome(float* to, V x, int64_t count) {
    if (count >= kWidth) return Store(to, x);
    for (int64_t i = 0; i < count; ++i) to[i] = x[i];
  }

  static float Sum(V x) {
    float sum = 0;
    for (int i = 0; i < kWidth; ++i) sum += x[i];
    return sum;
  }

  // The polynomial of x with these coefficients, that of the highest power first.
  template <class... Coefficients>
  static V Horner(V x, float highest, Coefficients... rest) {
    V sum = Splat(highest);
    ((sum = sum * x + rest), ...);
    return sum;
  }

  // e^x for x clamped to [-87, 88]; NaN stays NaN. e^x = 2^n e^r, |r| <= ln(2)/2; the polynomial is
  // a least-maximum fit of (e^r - 1 - r) / r^2, 3e-9 from e^r.
  static V Exp(V x) {
    x = x < -87.0f ? Splat(-87.0f) : x;
    x = x > 88.0f ? Splat(88.0f) : x;
    const float rounder = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    const V rounded = x * 1.44269504f + rounder;
    const V n = rounded - rounder;
    const V r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    V p = Horner(r, 1.3814612983621e-3f, 8.36870984255e-3f, 4.166836738700e-2f, 1.6666520689635e-1f,
                 4.999999345168e-1f);
    p = (p * r) * r + r + 1.0f;
    const Bits exponent = (__builtin_bit_cast(Bits, rounded) - 0x4B400000 + 127) << 23;
    return p * __builtin_bit_cast(V, exponent);
  }

  static V Silu(V x) { return x / (1.0f + Exp(-x)); }

  // erf(x) = x P(x^2) / Q(x^2) for |x| <= 3.92, beyond which it is 1 in float32. P and Q are a
  // least-maximum fit to 2e-8; rounding leaves 3e-7.
  static V Erf(V x) {
    x = x < -3.92f ? Splat(-3.92f) : x;
    x = x > 3.92f ? Splat(3.92f) : x;
    const V u = x * x;
    const V p = Horner(u, 2.0500849227189648e-6f, 2.848838522163491e-4f, 3.765653507718627e-3f,
                       5.2748836266389015e-2f, 1.9040727756901937e-1f, 1.1283791461284156f);
    const V q = Horner(u, 3.809174978184572e-5f, 1.1625449572894284e-3f, 1.4969289286320813e-2f,
                       1.1410945237359321e-1f, 5.020767968669038e-1f, 1.0f);
    return x * p / q;
  }

  // x Phi(x).
  static V Gelu(V x) { return 0.5f * x * (1.0f + Erf(x * 0.70710678f)); }

  // output[i] = f(a[i], b[i], c[i]), a vector at a time; arrays left out are zeros.
  template <class F>
  static void Map(int64_t count, F&& f, float* output, const float* a, const float* b = nullptr,
                  const float* c = nullptr) {
    for (int64_t i = 0; i < count; i += kWidth) {
      const int64_t rest = count - i;
      StoreSome(output + i,
                f(LoadSome(a + i, rest), b ? LoadSome(b + i, rest) : V{},
                  c ? LoadSome(c + i, rest) : V{}),
                rest);
    }
  }
};

}  // namespace
}  // namespace draftp::cpu

#endif  // DRAFTP_KERNELS_CPU_VECTOR_MATH_H_
