#include "draftp/model/resnet.h"

#include <ATen/TensorOperators.h>

namespace draftp {

ResnetWeights ResnetSkeleton(int64_t in, int64_t out, const ResnetOptions& options) {
  ResnetWeights weights{.norm1 = GroupNormSkeleton(in, options.groups, options.eps),
                        .conv1 = ConvSkeleton(in, out, 3),
                        .time_emb_proj = std::nullopt,
                        .norm2 = GroupNormSkeleton(out, options.groups, options.eps),
                        .conv2 = ConvSkeleton(out, out, 3),
                        .conv_shortcut = std::nullopt,
                        .scale_shift = options.scale_shift,
                        .output_scale = options.output_scale};
  if (options.time_channels > 0) {
    weights.time_emb_proj =
        LinearSkeleton(options.time_channels, options.scale_shift ? 2 * out : out);
  }
  if (in != out) weights.conv_shortcut = ConvSkeleton(in, out, 1);
  return weights;
}

namespace {

// One row of time may serve the whole batch, unless an adapter here tells rows apart. -> [R or
// 1,out]
at::Tensor ProjectTime(const at::Tensor& activated_time, int64_t batch,
                       const LinearWeights& weights, const AdapterRows& rows) {
  return weights.adapters.empty()
             ? Linear(activated_time, weights)
             : Linear(activated_time.expand({batch, activated_time.size(1)}), weights, rows);
}

}  // namespace

at::Tensor Resnet(const at::Tensor& x, const at::Tensor& activated_time,
                  const ResnetWeights& weights, const AdapterRows& rows) {
  at::Tensor time;
  if (weights.time_emb_proj)
    time = ProjectTime(activated_time, x.size(0), *weights.time_emb_proj, rows);
  const at::Tensor shortcut = weights.conv_shortcut ? Conv2d(x, *weights.conv_shortcut, rows) : x;
  at::Tensor sum;  // [R,out,h,w]
  if (weights.scale_shift) {
    const auto scale_and_shift = time.unsqueeze(-1).unsqueeze(-1).chunk(2, 1);
    const at::Tensor hidden = NormSiluConv2d(x, weights.norm1, weights.conv1, rows);
    const at::Tensor modulated =
        GroupNorm(hidden, weights.norm2) * (1 + scale_and_shift[0]) + scale_and_shift[1];
    sum = Conv2d(Silu(modulated), weights.conv2, rows, {.pixels = shortcut});
  } else {
    const at::Tensor hidden =
        NormSiluConv2d(x, weights.norm1, weights.conv1, rows, {.channels = time});
    sum = NormSiluConv2d(hidden, weights.norm2, weights.conv2, rows, {.pixels = shortcut});
  }
  return weights.output_scale == 1.0 ? sum : sum / weights.output_scale;
}

}  // namespace draftp
