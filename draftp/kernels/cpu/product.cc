#include "draftp/kernels/cpu/product.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "draftp/kernels/cpu/supported_kernels.h"
#include "draftp/kernels/cpu/thread_pool.h"

namespace draftp::cpu {
namespace {

constexpr int64_t kBlock = 96;  // pixels of a task; a multiple of most tiles' heights

// The offsets of one block of an image's pixels.
struct Block {
  int64_t count = 0;
  int64_t input[kBlock], output[kBlock];

  void Set(const Product& p, int64_t image, int64_t begin) {
    count = std::min(kBlock, p.height * p.width - begin);
    int64_t y = begin / p.width, x = begin % p.width;
    for (int64_t i = 0; i < count; ++i) {
      input[i] = image * p.input_image + y * p.input_row + x * p.input_column;
      output[i] = image * p.output_image + y * p.output_row + x * p.output_column;
      if (++x == p.width) {
        x = 0;
        ++y;
      }
    }
  }
};

}  // namespace

PackedWeights PackTaps(const at::Tensor& weight) {
  const at::Tensor source = weight.to(at::kFloat).contiguous();
  const int64_t columns = ChosenKernels().panel_columns, outputs = source.size(0);
  const int64_t size = source.size(1) * source.size(2), panels = (outputs + columns - 1) / columns;
  PackedWeights packed{.panels = at::empty({panels, size, columns}, source.options()),
                       .outputs = outputs,
                       .taps = source.size(1),
                       .depth = source.size(2)};
  const float* from = source.const_data_ptr<float>();
  float* to = packed.panels.mutable_data_ptr<float>();
  ParallelFor(panels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      for (int64_t k = 0; k < size; ++k) {
        for (int64_t n = 0; n < columns; ++n) {
          const int64_t output = panel * columns + n;
          to[(panel * size + k) * columns + n] = output < outputs ? from[output * size + k] : 0;
        }
      }
    }
  });
  return packed;
}

PackedWeights Pack(const at::Tensor& weight) {
  TORCH_CHECK(weight.dim() == 2 || weight.dim() == 4, "weights are ", weight.sizes(),
              ", expected [out,in] or [out,in,k,k]");
  return PackTaps(weight.dim() == 2 ? weight.unsqueeze(1)
                                    : weight.permute({0, 2, 3, 1}).flatten(1, 2));
}

void Run(const Product& p) {
  const KernelTable& kernels = ChosenKernels();
  const int64_t columns = kernels.panel_columns, pixels = p.height * p.width;
  const int64_t panels = p.weights.panels.size(0), panel_size = p.weights.panels.stride(0);
  const int64_t blocks = (pixels + kBlock - 1) / kBlock, tasks = p.images * blocks * panels;
  // The larger of weights and input is read once, the smaller again and again from the cache.
  const bool panels_outside = panels * panel_size > p.images * pixels * p.weights.depth;
  const float* weights = p.weights.panels.const_data_ptr<float>();
  const auto run = [&](int64_t begin, int64_t end) {
    Block block;
    int64_t current = -1;
    for (int64_t task = begin; task < end; ++task) {
      const int64_t panel = panels_outside ? task / (p.images * blocks) : task % panels;
      const int64_t place = panels_outside ? task % (p.images * blocks) : task / panels;
      const int64_t image = place / blocks;
      if (place != current) block.Set(p, image, place % blocks * kBlock);
      current = place;
      kernels.product({.input = p.input,
                       .row_offsets = block.input,
                       .tap_offsets = p.taps.data(),
                       .rows = block.count,
                       .taps = p.weights.taps,
                       .depth = p.weights.depth,
                       .panel = weights + panel * panel_size,
                       .panel_stride = columns,
                       .output = p.output + panel * columns,
                       .residual = p.residual ? p.residual + panel * columns : nullptr,
                       .output_offsets = block.output,
                       .bias = p.bias ? p.bias + image * p.bias_image + panel * columns : nullptr,
                       .columns = std::min(columns, p.weights.outputs - panel * columns),
                       .scale = 1.0f});
    }
  };
  // A thread that is woken for less than this costs more than it saves.
  constexpr int64_t kSmall = 200'000;  // multiplications, some microseconds
  if (p.images * pixels * panels * panel_size < kSmall) return run(0, tasks);
  ParallelFor(tasks, std::max<int64_t>(1, tasks / (2 * Threads())), run);
}

}  // namespace draftp::cpu
