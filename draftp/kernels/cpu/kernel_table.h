// The inner loops of inference on a CPU, as plain functions over float32 memory, one set for each
// instruction set.
#ifndef DRAFTP_KERNELS_CPU_KERNEL_TABLE_H_
#define DRAFTP_KERNELS_CPU_KERNEL_TABLE_H_

#include <cstdint>

namespace draftp::cpu {

// Rows of a matrix product against one panel of packed weights:
//   output[row][n] = scale * sum over t, k of input[row_offsets[row] + tap_offsets[t] + k]
//                                             * panel[(t depth + k) panel_stride + n]
//                    + bias[n] + residual[row][n]   for n < columns.
// A linear layer has one tap; a convolution over channels-last pixels one for each place of its
// kernel. Panels are KernelTable::panel_columns wide in memory, whatever `columns` is.
struct PanelProduct {
  const float* input;
  const int64_t* row_offsets;  // [rows]
  const int64_t* tap_offsets;  // [taps]
  int64_t rows, taps, depth;
  const float* panel;
  int64_t panel_stride;
  float* output;
  const float* residual;          // at the offsets of `output`, or null
  const int64_t* output_offsets;  // [rows]
  const float* bias;              // [columns] or null
  int64_t columns;                // 1..panel_columns
  float scale;
};

// softmax(scale q k^T) v of one head. Row t of q, k, v and output is at t times its stride.
struct AttentionHead {
  const float *q, *k, *v;
  float* output;
  int64_t q_stride, k_stride, v_stride, output_stride;
  int64_t queries, keys, depth;
  float scale;
  bool causal;          // query t sees keys <= first_query + t
  int64_t first_query;  // position of the first query, for `causal`
  float* scratch;       // KernelTable::attention_scratch(keys, depth) floats
};

// Pointers need the alignment of float alone.
struct KernelTable {
  const char* name;       // "baseline", "avx2", "avx512"
  int64_t panel_columns;  // columns of a panel

  void (*product)(const PanelProduct& product);

  // Per channel c, over pixels [n][channels]: sums[c] += sum of x - x0, and
  // sums[channels + c] += sum of (x - x0)^2, x0[c] a value near the channel's mean.
  void (*channel_sums)(const float* pixels, int64_t count, int64_t channels, const float* x0,
                       double* sums);

  // output[i][c] = f(pixels[i][c] * scale[c] + shift[c]), f the identity or SiLU.
  void (*scale_shift)(const float* pixels, int64_t count, int64_t channels, const float* scale,
                      const float* shift, bool silu, float* output);

  // Rows [count][channels]: (x - mean) / sqrt(variance + eps) * weight + bias.
  void (*layer_norm)(const float* rows, int64_t count, int64_t channels, float eps,
                     const float* weight, const float* bias, float* output);

  // Rows [count][2 width] of values, then gates: output[count][width] = value * gelu(gate), by erf.
  void (*gated_gelu)(const float* rows, int64_t count, int64_t width, float* output);

  // The transforms of winograd_transform.h.
  void (*winograd_input)(const float* pixels, int64_t row, int64_t channels, float* output,
                         int64_t plane);
  void (*winograd_output)(const float* products, int64_t plane, int64_t channels, const float* bias,
                          const float* residual, float* output, int64_t row);

  void (*attention)(const AttentionHead& head);
  int64_t (*attention_scratch)(int64_t keys, int64_t depth);
};

// Those that this build has for the processor's architecture, best last; the caller checks that
// the processor runs them (SupportedKernels does).
const KernelTable& BaselineKernels();
const KernelTable& Avx2Kernels();
const KernelTable& Avx512Kernels();

}  // namespace draftp::cpu

#endif  // DRAFTP_KERNELS_CPU_KERNEL_TABLE_H_
