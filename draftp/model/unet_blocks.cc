#include "draftp/model/unet_blocks.h"

#include <ATen/ops/cat.h>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace draftp {
namespace {

at::Tensor RunResnet(const at::Tensor& x, const ResnetWeights& weights, const BlockInputs& inputs) {
  const auto run = [&weights, rows = inputs.rows](at::TensorList in) {
    return Resnet(in[0], in[1], weights, rows);
  };
  const std::vector<at::Tensor> tensors = {x, inputs.activated_time};
  return inputs.pieces(run, tensors, [&weights] { return TensorsOf(weights); });
}

at::Tensor RunTransformer(const at::Tensor& x, const TransformerWeights& weights,
                          const BlockInputs& inputs) {
  return Transformer(x, inputs.prompt, weights, inputs.rows, inputs.pieces);
}

at::Tensor TakeLast(std::vector<at::Tensor>& skips) {
  TORCH_CHECK(!skips.empty(), "the way up takes more skips than the way down left");
  at::Tensor last = std::move(skips.back());
  skips.pop_back();
  return last;
}

}  // namespace

at::Tensor DownBlock(const at::Tensor& x, const UNetBlockWeights& weights,
                     const BlockInputs& inputs, std::vector<at::Tensor>& skips) {
  at::Tensor hidden = x;
  for (size_t i = 0; i < weights.resnets.size(); ++i) {
    hidden = RunResnet(hidden, weights.resnets[i], inputs);
    if (!weights.attentions.empty()) hidden = RunTransformer(hidden, weights.attentions[i], inputs);
    skips.push_back(hidden);
  }
  if (weights.resampler) skips.push_back(hidden = Conv2d(hidden, *weights.resampler, inputs.rows));
  return hidden;
}

at::Tensor MidBlock(const at::Tensor& x, const UNetBlockWeights& weights,
                    const BlockInputs& inputs) {
  if (weights.resnets.empty()) return x;
  at::Tensor hidden = RunResnet(x, weights.resnets.front(), inputs);
  for (size_t i = 0; i < weights.attentions.size(); ++i) {
    hidden = RunTransformer(hidden, weights.attentions[i], inputs);
    hidden = RunResnet(hidden, weights.resnets[i + 1], inputs);
  }
  return hidden;
}

at::Tensor UpBlock(const at::Tensor& x, const UNetBlockWeights& weights, const BlockInputs& inputs,
                   std::vector<at::Tensor>& skips) {
  at::Tensor hidden = x;
  for (size_t i = 0; i < weights.resnets.size(); ++i) {
    hidden = RunResnet(at::cat({hidden, TakeLast(skips)}, 1), weights.resnets[i], inputs);
    if (!weights.attentions.empty()) hidden = RunTransformer(hidden, weights.attentions[i], inputs);
  }
  if (!weights.resampler) return hidden;
  const int64_t height = skips.empty() ? 2 * hidden.size(2) : skips.back().size(2);
  const int64_t width = skips.empty() ? 2 * hidden.size(3) : skips.back().size(3);
  return ResizeConv2d(hidden, height, width, *weights.resampler, inputs.rows);
}

}  // namespace draftp
