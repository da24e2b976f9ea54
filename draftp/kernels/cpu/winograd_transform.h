// The transforms of Winograd's minimal filtering F(2x2, 3x3): Lavin & Gray, "Fast Algorithms for
// Convolutional Neural Networks", 2015, section 4.1. Included by kernels.h.
#ifndef DRAFTP_KERNELS_CPU_WINOGRAD_TRANSFORM_H_
#define DRAFTP_KERNELS_CPU_WINOGRAD_TRANSFORM_H_

#include <cstdint>

#include "draftp/kernels/cpu/vector_math.h"

namespace draftp::cpu {
namespace {

template <int kWidth>
struct WinogradTransform {
  using Lanes = Vector<kWidth>;
  using V = typename Lanes::V;

  // Bt d B of a 4x4 patch of pixels: plane i of the result at output + i * plane.
  static void Input(const float* pixels, int64_t row, int64_t channels, float* output,
                    int64_t plane) {
    for (int64_t c = 0; c < channels; c += kWidth) {
      const int64_t count = channels - c;
      V t[4][4];  // Bt d
      for (int x = 0; x < 4; ++x) {
        V d[4];
        for (int y = 0; y < 4; ++y)
          d[y] = Lanes::LoadSome(pixels + y * row + x * channels + c, count);
        t[0][x] = d[0] - d[2];
        t[1][x] = d[1] + d[2];
        t[2][x] = d[2] - d[1];
        t[3][x] = d[1] - d[3];
      }
      float* to = output + c;
      for (int y = 0; y < 4; ++y, to += 4 * plane) {
        Lanes::StoreSome(to, t[y][0] - t[y][2], count);
        Lanes::StoreSome(to + plane, t[y][1] + t[y][2], count);
        Lanes::StoreSome(to + 2 * plane, t[y][2] - t[y][1], count);
        Lanes::StoreSome(to + 3 * plane, t[y][1] - t[y][3], count);
      }
    }
  }

  // At m A + bias + residual: 2x2 pixels of the output. `bias` and `residual` may be null; the
  // latter lies as the output does.
  static void Output(const float* products, int64_t plane, int64_t channels, const float* bias,
                     const float* residual, float* output, int64_t row) {
    for (int64_t c = 0; c < channels; c += kWidth) {
      const int64_t count = channels - c;
      V t[2][4];  // At m
      for (int x = 0; x < 4; ++x) {
        V m[4];
        for (int y = 0; y < 4; ++y)
          m[y] = Lanes::LoadSome(products + (4 * y + x) * plane + c, count);
        t[0][x] = m[0] + m[1] + m[2];
        t[1][x] = m[1] - m[2] - m[3];
      }
      const V added = bias ? Lanes::LoadSome(bias + c, count) : V{};
      for (int y = 0; y < 2; ++y) {
        const V pixels[2] = {t[y][0] + t[y][1] + t[y][2], t[y][1] - t[y][2] - t[y][3]};
        for (int x = 0; x < 2; ++x) {
          const int64_t offset = y * row + x * channels + c;
          V value = pixels[x] + added;
          if (residual) value += Lanes::LoadSome(residual + offset, count);
          Lanes::StoreSome(output + offset, value, count);
        }
      }
    }
  }
};

}  // namespace
}  // namespace draftp::cpu

#endif  // DRAFTP_KERNELS_CPU_WINOGRAD_TRANSFORM_H_
