#include "draftp/kernels/cpu/layers.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <memory>
#include <vector>

#include "draftp/kernels/cpu/group_norm.h"
#include "draftp/kernels/cpu/supported_kernels.h"
#include "draftp/kernels/cpu/thread_pool.h"

namespace draftp::cpu {
namespace {

const float* Data(const at::Tensor& x) { return x.defined() ? x.const_data_ptr<float>() : nullptr; }

at::Tensor ChannelsLast(const at::Tensor& x) {
  return x.defined() ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
}

// x is channels-last.
Pictures AsPictures(const at::Tensor& x) {
  return {Data(x), x.size(0), x.size(2), x.size(3), x.size(1)};
}

// Memory for pictures with a border, and the view of it that starts at the first pixel proper.
struct Canvas {
  at::Tensor memory;
  PaddedPictures pictures;
};

Canvas MakeCanvas(const Pictures& x, int64_t padding, const at::TensorOptions& options) {
  const int64_t row = (x.width + 2 * padding) * x.channels;
  const int64_t image = (x.height + 2 * padding) * row;
  Canvas canvas{at::empty({x.images, image}, options), {}};
  canvas.pictures = {canvas.memory.mutable_data_ptr<float>() + padding * (row + x.channels), image,
                     row, padding};
  return canvas;
}

at::Tensor EmptyPictures(int64_t images, int64_t channels, int64_t height, int64_t width,
                         const at::TensorOptions& options) {
  return at::empty({images, channels, height, width}, options, at::MemoryFormat::ChannelsLast);
}

// What is added to a convolution, ready to be read.
struct Addends {
  Addends(const at::Tensor& bias, const at::Tensor& residual, int64_t images)
      : bias(bias.defined() ? bias.contiguous() : bias), residual(ChannelsLast(residual)) {
    per_image = bias.defined() && bias.dim() == 2 && bias.size(0) == images && images > 1;
  }
  at::Tensor bias, residual;
  bool per_image;
};

// A convolution over pixels that lie at `input`, their border included.
at::Tensor Convolve(const PaddedPictures& input, const Pictures& x, const Convolution& convolution,
                    const Addends& addends, const at::TensorOptions& options) {
  const PackedWeights& weights = convolution.weights;
  TORCH_CHECK(weights.depth == x.channels, "packed for ", weights.depth, " channels, called with ",
              x.channels);
  const auto kernel = static_cast<int64_t>(std::lround(std::sqrt(weights.taps)));
  const int64_t stride = convolution.stride, padding = convolution.padding;
  const int64_t height = (x.height + 2 * padding - kernel) / stride + 1;
  const int64_t width = (x.width + 2 * padding - kernel) / stride + 1;
  at::Tensor output = EmptyPictures(x.images, weights.outputs, height, width, options);
  TORCH_CHECK(!addends.residual.defined() || addends.residual.sizes() == output.sizes(),
              "residual is ", addends.residual.sizes(), ", expected ", output.sizes());
  if (convolution.winograd.defined() && stride == 1 && padding == 1 &&
      WinogradServes(x.images, height, width)) {
    Run({.weights = convolution.winograd,
         .images = x.images,
         .height = height,
         .width = width,
         .input = input.data,
         .input_image = input.image,
         .input_row = input.row,
         .output = output.mutable_data_ptr<float>(),
         .residual = Data(addends.residual),
         .bias = Data(addends.bias),
         .bias_image = addends.per_image ? weights.outputs : 0});
    return output;
  }
  std::vector<int64_t> taps;
  for (int64_t y = 0; y < kernel; ++y) {
    for (int64_t x_tap = 0; x_tap < kernel; ++x_tap)
      taps.push_back((y - padding) * input.row + (x_tap - padding) * x.channels);
  }
  Run({.weights = weights,
       .images = x.images,
       .height = height,
       .width = width,
       .input = input.data,
       .input_image = input.image,
       .input_row = stride * input.row,
       .input_column = stride * x.channels,
       .taps = taps,
       .output = output.mutable_data_ptr<float>(),
       .residual = Data(addends.residual),
       .output_image = height * width * weights.outputs,
       .output_row = width * weights.outputs,
       .output_column = weights.outputs,
       .bias = Data(addends.bias),
       .bias_image = addends.per_image ? weights.outputs : 0});
  return output;
}

GroupNormWeights AsWeights(const Norm& norm) {
  return {Data(norm.weight), Data(norm.bias), norm.groups, norm.eps};
}

}  // namespace

bool Serves(const at::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kFloat && !at::GradMode::is_enabled();
}

int64_t BytesOf(const Panels& panels) {
  const auto bytes = [](const PackedWeights& weights) {
    return weights.defined() ? static_cast<int64_t>(weights.panels.nbytes()) : 0;
  };
  int64_t sum = bytes(panels.product) + bytes(panels.winograd.planes);
  for (const PackedWeights& phase : panels.doubled.phases) sum += bytes(phase);
  return sum;
}

at::Tensor Linear(const at::Tensor& x, const PackedWeights& weights, const at::Tensor& bias,
                  const at::Tensor& residual) {
  TORCH_CHECK(weights.taps == 1 && x.size(-1) == weights.depth, "packed for ", weights.depth,
              " channels, called with ", x.size(-1));
  const at::Tensor input = x.contiguous();
  const at::Tensor added = residual.defined() ? residual.contiguous() : residual;
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weights.outputs;
  at::Tensor output = at::empty(shape, x.options());
  const int64_t no_offset = 0;
  Run({.weights = weights,
       .images = 1,
       .height = 1,
       .width = input.numel() / weights.depth,
       .input = Data(input),
       .input_image = 0,
       .input_row = 0,
       .input_column = weights.depth,
       .taps = {&no_offset, 1},
       .output = output.mutable_data_ptr<float>(),
       .residual = Data(added),
       .output_image = 0,
       .output_row = 0,
       .output_column = weights.outputs,
       .bias = Data(bias),
       .bias_image = 0});
  return output;
}

at::Tensor Conv2d(const at::Tensor& x, const Convolution& convolution, const at::Tensor& bias,
                  const at::Tensor& residual) {
  const at::Tensor input = ChannelsLast(x);
  const Pictures pictures = AsPictures(input);
  const Addends addends(bias, residual, pictures.images);
  if (convolution.padding == 0) {
    const int64_t row = pictures.width * pictures.channels;
    // Nothing is written to a border of no pixels, nor to what is only read.
    const PaddedPictures view{const_cast<float*>(pictures.data), pictures.height * row, row, 0};
    return Convolve(view, pictures, convolution, addends, x.options());
  }
  const Canvas canvas = MakeCanvas(pictures, convolution.padding, x.options());
  CopyInto(pictures, canvas.pictures);
  return Convolve(canvas.pictures, pictures, convolution, addends, x.options());
}

at::Tensor NormSiluConv2d(const at::Tensor& x, const Norm& norm, const Convolution& convolution,
                          const at::Tensor& bias, const at::Tensor& residual) {
  const at::Tensor input = ChannelsLast(x);
  const Pictures pictures = AsPictures(input);
  const Canvas canvas = MakeCanvas(pictures, convolution.padding, x.options());
  GroupNormInto(pictures, AsWeights(norm), /*silu=*/true, canvas.pictures);
  return Convolve(canvas.pictures, pictures, convolution, Addends(bias, residual, pictures.images),
                  x.options());
}

// Row 2y + a of the doubled picture is row y; the kernel's rows around it, 2y + a - 1 .. 2y + a +
// 1, are rows y - 1, y, y for a = 0, and y, y, y + 1 for a = 1.
PackedUpsampling PackUpsampling(const at::Tensor& weight) {
  TORCH_CHECK(weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3, "weights are ",
              weight.sizes(), ", expected [out,in,3,3]");
  const auto halve = [](const at::Tensor& w, int64_t dim, int64_t phase) {
    const at::Tensor pair = w.narrow(dim, phase == 0 ? 1 : 0, 2).sum(dim, /*keepdim=*/true);
    const at::Tensor single = w.narrow(dim, phase == 0 ? 0 : 2, 1);
    return phase == 0 ? at::cat({single, pair}, dim) : at::cat({pair, single}, dim);
  };
  const at::Tensor wide = weight.to(at::kDouble);
  PackedUpsampling packed;
  for (int64_t a = 0; a < 2; ++a) {
    for (int64_t b = 0; b < 2; ++b)
      packed.phases[2 * a + b] = Pack(halve(halve(wide, 2, a), 3, b).to(weight.scalar_type()));
  }
  return packed;
}

at::Tensor UpsampleConv2d(const at::Tensor& x, const PackedUpsampling& weights,
                          const at::Tensor& bias) {
  const at::Tensor input = ChannelsLast(x);
  const Pictures pictures = AsPictures(input);
  const Canvas canvas = MakeCanvas(pictures, 1, x.options());
  CopyInto(pictures, canvas.pictures);
  const int64_t outputs = weights.phases[0].outputs, row = canvas.pictures.row;
  at::Tensor output =
      EmptyPictures(pictures.images, outputs, 2 * pictures.height, 2 * pictures.width, x.options());
  for (int64_t phase = 0; phase < 4; ++phase) {
    const int64_t a = phase / 2, b = phase % 2;
    const int64_t first = (a - 1) * row + (b - 1) * pictures.channels;
    const std::array<int64_t, 4> taps{first, first + pictures.channels, first + row,
                                      first + row + pictures.channels};
    Run({.weights = weights.phases[phase],
         .images = pictures.images,
         .height = pictures.height,
         .width = pictures.width,
         .input = canvas.pictures.data,
         .input_image = canvas.pictures.image,
         .input_row = row,
         .input_column = pictures.channels,
         .taps = taps,
         .output = output.mutable_data_ptr<float>() + (a * 2 * pictures.width + b) * outputs,
         .residual = nullptr,
         .output_image = 4 * pictures.pixels() * outputs,
         .output_row = 4 * pictures.width * outputs,
         .output_column = 2 * outputs,
         .bias = Data(bias),
         .bias_image = 0});
  }
  return output;
}

at::Tensor GroupNorm(const at::Tensor& x, const Norm& norm, bool silu) {
  const at::Tensor input = ChannelsLast(x);
  const Pictures pictures = AsPictures(input);
  at::Tensor output = EmptyPictures(pictures.images, pictures.channels, pictures.height,
                                    pictures.width, x.options());
  const int64_t row = pictures.width * pictures.channels;
  GroupNormInto(pictures, AsWeights(norm), silu,
                {output.mutable_data_ptr<float>(), pictures.height * row, row, 0});
  return output;
}

at::Tensor LayerNorm(const at::Tensor& x, const Norm& norm) {
  const at::Tensor input = x.contiguous();
  at::Tensor output = at::empty(x.sizes(), x.options());
  const int64_t channels = x.size(-1), count = input.numel() / channels;
  const float* from = Data(input);
  float* to = output.mutable_data_ptr<float>();
  ParallelFor(count, std::max<int64_t>(32, count / Threads() + 1), [&](int64_t begin, int64_t end) {
    ChosenKernels().layer_norm(from + begin * channels, end - begin, channels,
                               static_cast<float>(norm.eps), Data(norm.weight), Data(norm.bias),
                               to + begin * channels);
  });
  return output;
}

at::Tensor GatedGelu(const at::Tensor& x) {
  const at::Tensor input = x.contiguous();
  const int64_t width = x.size(-1) / 2, count = input.numel() / (2 * width);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = width;
  at::Tensor output = at::empty(shape, x.options());
  const float* from = Data(input);
  float* to = output.mutable_data_ptr<float>();
  ParallelFor(count, std::max<int64_t>(16, count / Threads() + 1), [&](int64_t begin, int64_t end) {
    ChosenKernels().gated_gelu(from + begin * 2 * width, end - begin, width, to + begin * width);
  });
  return output;
}

at::Tensor Attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                     bool causal) {
  const KernelTable& kernels = ChosenKernels();
  const at::Tensor queries = q.contiguous(), keys = k.contiguous(), values = v.contiguous();
  const int64_t images = q.size(0), tokens = q.size(1), channels = q.size(2), source = k.size(1);
  const int64_t depth = channels / heads;
  at::Tensor output = at::empty(q.sizes(), q.options());
  float* to = output.mutable_data_ptr<float>();
  // Each task packs its head's keys and values, so as few tasks as there are threads.
  const int64_t strips =
      std::min((tokens + 95) / 96, (ThreadsFromHere() + images * heads - 1) / (images * heads));
  ParallelFor(images * heads * strips, 1, [&](int64_t begin, int64_t end) {
    const auto scratch =
        std::make_unique_for_overwrite<float[]>(kernels.attention_scratch(source, depth));
    for (int64_t task = begin; task < end; ++task) {
      const int64_t strip = task % strips, image = task / strips / heads;
      const int64_t channel = task / strips % heads * depth;
      const int64_t first = tokens * strip / strips, last = tokens * (strip + 1) / strips;
      kernels.attention({.q = Data(queries) + (image * tokens + first) * channels + channel,
                         .k = Data(keys) + image * source * channels + channel,
                         .v = Data(values) + image * source * channels + channel,
                         .output = to + (image * tokens + first) * channels + channel,
                         .q_stride = channels,
                         .k_stride = channels,
                         .v_stride = channels,
                         .output_stride = channels,
                         .queries = last - first,
                         .keys = source,
                         .depth = depth,
                         .scale = 1.0f / std::sqrt(static_cast<float>(depth)),
                         .causal = causal,
                         .first_query = first,
                         .scratch = scratch.get()});
    }
  });
  return output;
}

}  // namespace draftp::cpu
