#include "draftp/kernels/cpu/winograd.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <memory>

#include "draftp/kernels/cpu/supported_kernels.h"
#include "draftp/kernels/cpu/thread_pool.h"

namespace draftp::cpu {
namespace {

constexpr int64_t kPlanes = 16;
constexpr int64_t kMaxBlock = 48;  // tiles of a task

// Tiles whose transforms, input and products, stay in a processor's second-level cache.
int64_t BlockOf(int64_t channels) {
  constexpr int64_t kCache = 96 * 1024;  // floats
  return std::clamp<int64_t>(kCache / (kPlanes * channels) / 6 * 6, 6, kMaxBlock);
}

// One thread's work on blocks of tiles of 2x2 pixels.
class BlockRunner {
 public:
  BlockRunner(const WinogradProduct& product, int64_t block)
      : p_(product),
        input_plane_(block * product.weights.planes.depth),
        output_plane_(block * product.weights.planes.outputs),
        inputs_(new float[kPlanes * input_plane_]),
        products_(new float[kPlanes * output_plane_]) {
    for (int64_t i = 0; i < block; ++i) {
      input_offsets_[i] = i * product.weights.planes.depth;
      output_offsets_[i] = i * product.weights.planes.outputs;
    }
  }

  void Run(int64_t begin, int64_t end) {
    const int64_t depth = p_.weights.planes.depth, outputs = p_.weights.planes.outputs;
    for (int64_t tile = begin; tile < end; ++tile) {
      const Place at = PlaceOf(tile);
      kernels_.winograd_input(
          p_.input + at.image * p_.input_image + (at.y - 1) * p_.input_row + (at.x - 1) * depth,
          p_.input_row, depth, inputs_.get() + (tile - begin) * depth, input_plane_);
    }
    Multiply(end - begin);
    for (int64_t tile = begin; tile < end; ++tile) {
      const Place at = PlaceOf(tile);
      const int64_t offset = ((at.image * p_.height + at.y) * p_.width + at.x) * outputs;
      kernels_.winograd_output(products_.get() + (tile - begin) * outputs, output_plane_, outputs,
                               p_.bias ? p_.bias + at.image * p_.bias_image : nullptr,
                               p_.residual ? p_.residual + offset : nullptr, p_.output + offset,
                               p_.width * outputs);
    }
  }

 private:
  struct Place {
    int64_t image, y, x;
  };

  Place PlaceOf(int64_t tile) const {
    const int64_t columns = p_.width / 2, rows = p_.height / 2;
    return {tile / (rows * columns), tile / columns % rows * 2, tile % columns * 2};
  }

  void Multiply(int64_t tiles) {
    const PackedWeights& weights = p_.weights.planes;
    const int64_t columns = kernels_.panel_columns, no_offset = 0;
    const float* panels = weights.panels.const_data_ptr<float>();
    for (int64_t plane = 0; plane < kPlanes; ++plane) {
      for (int64_t begin = 0; begin < weights.outputs; begin += columns) {
        kernels_.product({.input = inputs_.get() + plane * input_plane_,
                          .row_offsets = input_offsets_.data(),
                          .tap_offsets = &no_offset,
                          .rows = tiles,
                          .taps = 1,
                          .depth = weights.depth,
                          .panel = panels + (begin * kPlanes + plane * columns) * weights.depth,
                          .panel_stride = columns,
                          .output = products_.get() + plane * output_plane_ + begin,
                          .residual = nullptr,
                          .output_offsets = output_offsets_.data(),
                          .bias = nullptr,
                          .columns = std::min(columns, weights.outputs - begin),
                          .scale = 1.0f});
      }
    }
  }

  const KernelTable& kernels_ = ChosenKernels();
  const WinogradProduct& p_;
  const int64_t input_plane_, output_plane_;
  const std::unique_ptr<float[]> inputs_, products_;  // [plane][tile][channel]
  std::array<int64_t, kMaxBlock> input_offsets_, output_offsets_;
};

// G g Gt of a 3x3 kernel: value i of the result at output[i * plane].
void TransformKernel(const float* kernel, float* output, int64_t plane) {
  const auto combine = [](const auto& g, auto& u) {
    u[0] = g[0];
    u[1] = (g[0] + g[1] + g[2]) / 2;
    u[2] = (g[0] - g[1] + g[2]) / 2;
    u[3] = g[2];
  };
  std::array<std::array<double, 3>, 4> rows;  // G g
  for (int x = 0; x < 3; ++x) {
    std::array<double, 4> column;
    combine(std::array<double, 3>{kernel[x], kernel[3 + x], kernel[6 + x]}, column);
    for (int y = 0; y < 4; ++y) rows[y][x] = column[y];
  }
  for (int y = 0; y < 4; ++y) {
    std::array<double, 4> row;
    combine(rows[y], row);
    for (int x = 0; x < 4; ++x) output[(4 * y + x) * plane] = static_cast<float>(row[x]);
  }
}

}  // namespace

PackedWinograd PackWinograd(const at::Tensor& weight) {
  TORCH_CHECK(weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3, "weights are ",
              weight.sizes(), ", expected [out,in,3,3]");
  const at::Tensor source = weight.to(at::kFloat).contiguous();
  const int64_t outputs = weight.size(0), depth = weight.size(1);
  at::Tensor transformed = at::empty({outputs, kPlanes, depth}, source.options());
  const float* from = source.const_data_ptr<float>();
  float* to = transformed.mutable_data_ptr<float>();
  ParallelFor(outputs, 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * depth; i < end * depth; ++i)
      TransformKernel(from + 9 * i, to + (i / depth * kPlanes * depth + i % depth), depth);
  });
  return {PackTaps(transformed)};
}

bool WinogradServes(int64_t images, int64_t height, int64_t width) {
  return height % 2 == 0 && width % 2 == 0 && images * (height / 2) * (width / 2) >= 12;
}

void Run(const WinogradProduct& product) {
  const PackedWeights& weights = product.weights.planes;
  const int64_t tiles = product.images * (product.height / 2) * (product.width / 2);
  const int64_t share = (tiles + ThreadsFromHere() - 1) / ThreadsFromHere();
  const int64_t block =
      std::min(BlockOf(weights.depth + weights.outputs), std::max<int64_t>(share, 6));
  const int64_t blocks = (tiles + block - 1) / block;
  ParallelFor(blocks, (blocks + 2 * Threads() - 1) / (2 * Threads()),
              [&](int64_t begin, int64_t end) {
                BlockRunner runner(product, block);
                for (int64_t i = begin; i < end; ++i)
                  runner.Run(i * block, std::min((i + 1) * block, tiles));
              });
}

}  // namespace draftp::cpu
