// The kernels of kernel_table.h for a vector width and a tile height. Included by one file for each
// instruction set; everything is local to that file.
#ifndef DRAFTP_KERNELS_CPU_KERNELS_H_
#define DRAFTP_KERNELS_CPU_KERNELS_H_

#include <cmath>
#include <cstdint>

#include "draftp/kernels/cpu/kernel_table.h"
#include "draftp/kernels/cpu/vector_math.h"
#include "draftp/kernels/cpu/winograd_transform.h"

namespace draftp::cpu {
namespace {

// A tile of kRows x 2 kWidth sums stays in registers: kRows is what the register file holds.
template <int kWidth, int kRows>
struct Kernels {
  using Lanes = Vector<kWidth>;
  using V = typename Lanes::V;
  static constexpr int kColumns = 2 * kWidth;
  static constexpr int64_t kQueryBlock = 8 * kRows;

  template <int kCount>
  static void Tile(const PanelProduct& p, int64_t row) {
    V sums[kCount][2] = {};
    const float* panel = p.panel;
    for (int64_t tap = 0; tap < p.taps; ++tap) {
      const float* input[kCount];
#pragma GCC unroll 16
      for (int i = 0; i < kCount; ++i) {
        input[i] = p.input + p.row_offsets[row + i] + p.tap_offsets[tap];
      }
      for (int64_t k = 0; k < p.depth; ++k, panel += p.panel_stride) {
        const V first = Lanes::Load(panel), second = Lanes::Load(panel + kWidth);
#pragma GCC unroll 16
        for (int i = 0; i < kCount; ++i) {
          sums[i][0] += input[i][k] * first;
          sums[i][1] += input[i][k] * second;
        }
      }
    }
    if (p.columns == kColumns) {
      StoreTile<kCount>(p, row, sums);
    } else {
      StoreNarrowTile<kCount>(p, row, sums);
    }
  }

  template <int kCount>
  static void StoreTile(const PanelProduct& p, int64_t row, V (&sums)[kCount][2]) {
    const V bias[2] = {p.bias ? Lanes::Load(p.bias) : V{},
                       p.bias ? Lanes::Load(p.bias + kWidth) : V{}};
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i) {
      const int64_t offset = p.output_offsets[row + i];
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        V y = sums[i][half] * p.scale + bias[half];
        if (p.residual) y += Lanes::Load(p.residual + offset + half * kWidth);
        Lanes::Store(p.output + offset + half * kWidth, y);
      }
    }
  }

  template <int kCount>
  static void StoreNarrowTile(const PanelProduct& p, int64_t row, V (&sums)[kCount][2]) {
    for (int i = 0; i < kCount; ++i) {
      float values[kColumns];
      Lanes::Store(values, sums[i][0]);
      Lanes::Store(values + kWidth, sums[i][1]);
      const int64_t offset = p.output_offsets[row + i];
      for (int64_t n = 0; n < p.columns; ++n) {
        float y = values[n] * p.scale;
        if (p.bias) y += p.bias[n];
        if (p.residual) y += p.residual[offset + n];
        p.output[offset + n] = y;
      }
    }
  }

  template <int kCount>
  static void LastTile(const PanelProduct& p, int64_t row) {
    if constexpr (kCount > 0) {
      if (p.rows - row == kCount) {
        Tile<kCount>(p, row);
      } else {
        LastTile<kCount - 1>(p, row);
      }
    }
  }

  static void Product(const PanelProduct& p) {
    int64_t row = 0;
    for (; row + kRows <= p.rows; row += kRows) Tile<kRows>(p, row);
    LastTile<kRows - 1>(p, row);
  }

  static void ChannelSums(const float* pixels, int64_t count, int64_t channels, const float* x0,
                          double* sums) {
    // Single precision over a run of pixels, double precision over the runs.
    constexpr int64_t kRun = 64;
    for (int64_t begin = 0; begin < count; begin += kRun) {
      const int64_t end = begin + kRun < count ? begin + kRun : count;
      int64_t c = 0;
      for (; c + kWidth <= channels; c += kWidth) {
        const V origin = Lanes::Load(x0 + c);
        V sum = {}, squares = {};
        for (int64_t i = begin; i < end; ++i) {
          const V x = Lanes::Load(pixels + i * channels + c) - origin;
          sum += x;
          squares += x * x;
        }
        for (int lane = 0; lane < kWidth; ++lane) {
          sums[c + lane] += sum[lane];
          sums[channels + c + lane] += squares[lane];
        }
      }
      for (; c < channels; ++c) {
        for (int64_t i = begin; i < end; ++i) {
          const float x = pixels[i * channels + c] - x0[c];
          sums[c] += x;
          sums[channels + c] += double{x} * x;
        }
      }
    }
  }

  static void ScaleShift(const float* pixels, int64_t count, int64_t channels, const float* scale,
                         const float* shift, bool silu, float* output) {
    for (int64_t i = 0; i < count; ++i, pixels += channels, output += channels) {
      if (silu) {
        Lanes::Map(
            channels, [](V x, V a, V b) { return Lanes::Silu(x * a + b); }, output, pixels, scale,
            shift);
      } else {
        Lanes::Map(channels, [](V x, V a, V b) { return x * a + b; }, output, pixels, scale, shift);
      }
    }
  }

  template <class F>
  static float SumOf(int64_t count, const float* x, F&& f) {
    V sum = {};
    int64_t i = 0;
    for (; i + kWidth <= count; i += kWidth) sum += f(Lanes::Load(x + i));
    float total = Lanes::Sum(sum);
    for (; i < count; ++i) total += f(Lanes::Splat(x[i]))[0];
    return total;
  }

  static void LayerNorm(const float* rows, int64_t count, int64_t channels, float eps,
                        const float* weight, const float* bias, float* output) {
    const float n = static_cast<float>(channels);
    for (int64_t i = 0; i < count; ++i, rows += channels, output += channels) {
      const float mean = SumOf(channels, rows, [](V x) { return x; }) / n;
      const float variance =
          SumOf(channels, rows, [mean](V x) { return (x - mean) * (x - mean); }) / n;
      const float inverse = 1.0f / std::sqrt(variance + eps);
      Lanes::Map(
          channels, [=](V x, V w, V b) { return (x - mean) * inverse * w + b; }, output, rows,
          weight, bias);
    }
  }

  static void GatedGelu(const float* rows, int64_t count, int64_t width, float* output) {
    for (int64_t i = 0; i < count; ++i, rows += 2 * width, output += width) {
      Lanes::Map(
          width, [](V value, V gate, V) { return value * Lanes::Gelu(gate); }, output, rows,
          rows + width);
    }
  }

  static int64_t Panels(int64_t columns) { return (columns + kColumns - 1) / kColumns; }

  static int64_t AttentionScratch(int64_t keys, int64_t depth) {
    return Panels(keys) * kColumns * depth + Panels(depth) * kColumns * keys + kQueryBlock * keys;
  }

  // Turns scores into probabilities.
  static void Softmax(float* scores, int64_t visible, int64_t keys) {
    float max = scores[0];
    for (int64_t i = 1; i < visible; ++i) max = scores[i] > max ? scores[i] : max;
    Lanes::Map(visible, [max](V x, V, V) { return Lanes::Exp(x - max); }, scores, scores);
    const float inverse = 1.0f / SumOf(visible, scores, [](V x) { return x; });
    Lanes::Map(visible, [inverse](V x, V, V) { return x * inverse; }, scores, scores);
    for (int64_t i = visible; i < keys; ++i) scores[i] = 0;
  }

  static void PackHead(const AttentionHead& head, float* keys, float* values) {
    for (int64_t panel = 0; panel < Panels(head.keys); ++panel) {
      for (int64_t n = 0; n < kColumns; ++n) {
        const int64_t key = panel * kColumns + n;
        float* to = keys + panel * kColumns * head.depth + n;
        for (int64_t d = 0; d < head.depth; ++d)
          to[d * kColumns] = key < head.keys ? head.k[key * head.k_stride + d] : 0;
      }
    }
    for (int64_t panel = 0; panel < Panels(head.depth); ++panel) {
      for (int64_t key = 0; key < head.keys; ++key) {
        float* to = values + (panel * head.keys + key) * kColumns;
        for (int64_t n = 0; n < kColumns; ++n) {
          const int64_t d = panel * kColumns + n;
          to[n] = d < head.depth ? head.v[key * head.v_stride + d] : 0;
        }
      }
    }
  }

  // `panels` packed panels against rows: output [rows][columns] at the given stride.
  static void Multiply(const float* input, int64_t input_stride, int64_t rows, int64_t depth,
                       const float* panels, int64_t columns, float scale, float* output,
                       int64_t output_stride) {
    const int64_t no_offset = 0;
    int64_t inputs[kQueryBlock], outputs[kQueryBlock];
    for (int64_t i = 0; i < rows; ++i) {
      inputs[i] = i * input_stride;
      outputs[i] = i * output_stride;
    }
    for (int64_t begin = 0; begin < columns; begin += kColumns) {
      Product({.input = input,
               .row_offsets = inputs,
               .tap_offsets = &no_offset,
               .rows = rows,
               .taps = 1,
               .depth = depth,
               .panel = panels + begin * depth,
               .panel_stride = kColumns,
               .output = output + begin,
               .residual = nullptr,
               .output_offsets = outputs,
               .bias = nullptr,
               .columns = columns - begin < kColumns ? columns - begin : kColumns,
               .scale = scale});
    }
  }

  static void Attention(const AttentionHead& head) {
    float* keys = head.scratch;
    float* values = keys + Panels(head.keys) * kColumns * head.depth;
    float* scores = values + Panels(head.depth) * kColumns * head.keys;
    PackHead(head, keys, values);
    for (int64_t begin = 0; begin < head.queries; begin += kQueryBlock) {
      const int64_t rest = head.queries - begin;
      const int64_t rows = rest < kQueryBlock ? rest : kQueryBlock;
      Multiply(head.q + begin * head.q_stride, head.q_stride, rows, head.depth, keys, head.keys,
               head.scale, scores, head.keys);
      for (int64_t i = 0; i < rows; ++i) {
        const int64_t seen = head.first_query + begin + i + 1;
        const int64_t visible = head.causal && seen < head.keys ? seen : head.keys;
        Softmax(scores + i * head.keys, visible, head.keys);
      }
      Multiply(scores, head.keys, rows, head.keys, values, head.depth, 1.0f,
               head.output + begin * head.output_stride, head.output_stride);
    }
  }

  static constexpr KernelTable Table(const char* name) {
    return {.name = name,
            .panel_columns = kColumns,
            .product = Product,
            .channel_sums = ChannelSums,
            .scale_shift = ScaleShift,
            .layer_norm = LayerNorm,
            .gated_gelu = GatedGelu,
            .winograd_input = WinogradTransform<kWidth>::Input,
            .winograd_output = WinogradTransform<kWidth>::Output,
            .attention = Attention,
            .attention_scratch = AttentionScratch};
  }
};

}  // namespace
}  // namespace draftp::cpu

#endif  // DRAFTP_KERNELS_CPU_KERNELS_H_
