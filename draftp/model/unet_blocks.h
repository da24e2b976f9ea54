// The blocks of a UNet: residual blocks and transformers at one resolution, and the step to the
// next.
#ifndef DRAFTP_MODEL_UNET_BLOCKS_H_
#define DRAFTP_MODEL_UNET_BLOCKS_H_

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "draftp/adapter/adapter_rows.h"
#include "draftp/model/layers.h"
#include "draftp/model/resnet.h"
#include "draftp/model/transformer.h"
#include "draftp/model/visit_weights.h"
#include "draftp/sampling/piece_policy.h"

namespace draftp {

// One of diffusers' DownBlock2D, CrossAttnDownBlock2D, UNetMidBlock2D, UNetMidBlock2DCrossAttn,
// UpBlock2D, CrossAttnUpBlock2D; without anything, the mid block of a UNet that has none.
struct UNetBlockWeights {
  std::vector<ResnetWeights> resnets;
  std::vector<TransformerWeights>
      attentions;  // empty, or one behind each resnet (of the mid block, but the last)
  std::optional<ConvWeights> resampler;  // down: stride 2; up: behind the resize
};

// What all blocks of a forward call share.
struct BlockInputs {
  at::Tensor activated_time;  // SiLU(time embedding) [R,E] or [1,E]
  const Prompt& prompt;
  const AdapterRows& rows;
  const AnyPiecePolicy& pieces;  // of resnets and transformer blocks
};

// x [R,C,h,w] -> [R,C',h/2,w/2] (h, w without a resampler); appends what the way up takes: each
// resnet's (or transformer's) output, and the resampler's.
at::Tensor DownBlock(const at::Tensor& x, const UNetBlockWeights& weights,
                     const BlockInputs& inputs, std::vector<at::Tensor>& skips);

// x [R,C,h,w] -> same.
at::Tensor MidBlock(const at::Tensor& x, const UNetBlockWeights& weights,
                    const BlockInputs& inputs);

// Takes a skip off the end of `skips` for each resnet: x [R,C,h,w] -> [R,C',h',w'], h' and w' those
// of the next skip, or 2h and 2w where none is left; h and w without a resampler.
at::Tensor UpBlock(const at::Tensor& x, const UNetBlockWeights& weights, const BlockInputs& inputs,
                   std::vector<at::Tensor>& skips);

// `resampler_name` is "downsamplers" or "upsamplers".
template <MaybeConst<UNetBlockWeights> W, class F>
void VisitBlock(const std::string& name, W& block, const std::string& resampler_name, F&& visit) {
  for (size_t i = 0; i < block.resnets.size(); ++i) {
    VisitWeights(name + ".resnets." + std::to_string(i), block.resnets[i], visit);
  }
  for (size_t i = 0; i < block.attentions.size(); ++i) {
    VisitWeights(name + ".attentions." + std::to_string(i), block.attentions[i], visit);
  }
  if (block.resampler) visit(name + "." + resampler_name + ".0.conv", *block.resampler);
}

}  // namespace draftp

#endif  // DRAFTP_MODEL_UNET_BLOCKS_H_
