// The denoising network of the SDXL family (UNet2DConditionModel), from config.json and a
// checkpoint.
#ifndef DRAFTP_MODEL_UNET_H_
#define DRAFTP_MODEL_UNET_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/adapter/adapter_rows.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/kernels/placement.h"
#include "draftp/model/layers.h"
#include "draftp/model/prepared.h"
#include "draftp/model/time_embedding.h"
#include "draftp/model/unet_blocks.h"
#include "draftp/model/unet_config.h"
#include "draftp/model/visit_weights.h"
#include "draftp/sampling/piece_policy.h"

namespace draftp {

// Members in the order in which they act. Plain tensors: the copies of a UNet share them.
struct UNet {
  UNetConfig config;
  EmbeddingMlpWeights time_embedding;
  std::optional<EmbeddingMlpWeights> add_embedding;  // where config.text_time()
  ConvWeights conv_in;
  std::vector<UNetBlockWeights> down_blocks;
  UNetBlockWeights mid_block;
  std::vector<UNetBlockWeights> up_blocks;
  NormWeights conv_norm_out;
  ConvWeights conv_out;
  std::shared_ptr<const WeightOrigin> origin = nullptr;  // what was loaded; null without files

  // The layers that a config asks for, as shapes without storage (device meta).
  static UNet Skeleton(const UNetConfig& config);

  // From a folder with config.json and diffusion_pytorch_model.safetensors (or what WeightMap finds
  // in its place).
  static absl::StatusOr<UNet> Load(const std::string& dir, const Placement& placement);

  // A missing, mis-shaped or unused tensor is an error that names it.
  static absl::StatusOr<UNet> FromWeights(const UNetConfig& config, WeightMap weights,
                                          const Placement& placement);

  Placement placement() const {
    return {conv_norm_out.weight.device(), conv_norm_out.weight.scalar_type()};
  }
};

struct UNetOptions {
  // Of each resnet and transformer block. The UNet must outlive the backward pass.
  AnyPiecePolicy pieces = {};
};

// The network's prediction (epsilon or v, as the scheduler's config says).
// sample [R,in_channels,h,w]: latents times c_in; time [] or [R], an index of the 1000-entry table,
// on the sample's device; `prepared` for these R rows; `rows`: the adapters in effect, those of
// `prepared` where it holds keys and values. -> [R,out_channels,h,w] in the network's dtype,
// channels-last in memory; sample is converted to that dtype. One forward for inference and
// training. Nothing here waits for the device or depends on values: the call can be captured in a
// CUDA graph and replayed with other contents of sample and time.
at::Tensor UNetForward(const UNet& unet, const at::Tensor& sample, const at::Tensor& time,
                       const Prepared& prepared, const AdapterRows& rows = {},
                       const UNetOptions& options = {});

// SiLU(time embedding + added embedding), which every resnet takes: [R,E], or [1,E] for one time
// and nothing added.
at::Tensor ActivatedTime(const UNet& unet, const at::Tensor& time, int64_t batch,
                         const Prepared& prepared, const AdapterRows& rows = {});

// Calls visit(name, layer) for every layer, with its path in the checkpoint.
template <MaybeConst<UNet> W, class F>
void VisitWeights(W& unet, F&& visit) {
  VisitWeights("time_embedding", unet.time_embedding, visit);
  if (unet.add_embedding) VisitWeights("add_embedding", *unet.add_embedding, visit);
  visit("conv_in", unet.conv_in);
  for (size_t i = 0; i < unet.down_blocks.size(); ++i) {
    VisitBlock("down_blocks." + std::to_string(i), unet.down_blocks[i], "downsamplers", visit);
  }
  VisitBlock("mid_block", unet.mid_block, "", visit);
  for (size_t i = 0; i < unet.up_blocks.size(); ++i) {
    VisitBlock("up_blocks." + std::to_string(i), unet.up_blocks[i], "upsamplers", visit);
  }
  visit("conv_norm_out", unet.conv_norm_out);
  visit("conv_out", unet.conv_out);
}

// Calls visit(weights) for what each piece of UNetOptions::pieces reads, a resnet's or transformer
// block's, in order of the forward pass.
template <MaybeConst<UNet> W, class F>
void VisitPieces(W& unet, F&& visit) {
  const auto visit_block = [&visit](auto& block) {
    for (size_t i = 0; i < block.resnets.size(); ++i) {
      visit(block.resnets[i]);
      if (i >= block.attentions.size()) continue;
      for (auto& inner : block.attentions[i].blocks) visit(inner);
    }
  };
  for (auto& block : unet.down_blocks) visit_block(block);
  visit_block(unet.mid_block);
  for (auto& block : unet.up_blocks) visit_block(block);
}

// What each piece reads, adapters aside.
inline std::vector<std::vector<at::Tensor>> PieceWeights(const UNet& unet) {
  std::vector<std::vector<at::Tensor>> pieces;
  VisitPieces(unet, [&pieces](const auto& piece) {
    std::vector<at::Tensor>& tensors = pieces.emplace_back();
    VisitWeights("", piece, [&tensors](const std::string&, const auto& layer) {
      for (const at::Tensor& tensor : {layer.weight, layer.bias}) {
        if (tensor.defined()) tensors.push_back(tensor);
      }
    });
  });
  return pieces;
}

// Calls visit(attention) for every attention to the prompt, in order of cross_index.
template <MaybeConst<UNet> W, class F>
void VisitCrossAttentions(W& unet, F&& visit) {
  const auto visit_block = [&visit](auto& block) {
    for (auto& transformer : block.attentions) {
      for (auto& inner : transformer.blocks) {
        if (inner.attn1.cross_index >= 0) visit(inner.attn1);
        visit(inner.attn2);
      }
    }
  };
  for (auto& block : unet.down_blocks) visit_block(block);
  visit_block(unet.mid_block);
  for (auto& block : unet.up_blocks) visit_block(block);
}

}  // namespace draftp

#endif  // DRAFTP_MODEL_UNET_H_
