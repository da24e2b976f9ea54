#include "draftp/sdxl/offload_model.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

namespace draftp {
namespace {

void AddWeights(const ClipText& encoder, std::vector<at::Tensor>& tensors) {
  const auto add = [&tensors](const at::Tensor& tensor) {
    if (tensor.defined()) tensors.push_back(tensor);
  };
  add(encoder.token_embedding);
  add(encoder.position_embedding);
  VisitWeights(encoder, [&add](const std::string&, const auto& layer) {
    add(layer.weight);
    add(layer.bias);
  });
}

void AddWeights(const SdxlTextEncoders& encoders, std::vector<at::Tensor>& tensors) {
  AddWeights(encoders.first, tensors);
  AddWeights(encoders.second, tensors);
}

std::vector<at::Tensor> TextEncoderWeights(const SdxlModel& model) {
  std::vector<at::Tensor> tensors;
  AddWeights(model.text_encoders, tensors);
  for (const TunedModel& tuned : model.tuned) {
    if (tuned.text_encoders) AddWeights(*tuned.text_encoders, tensors);
  }
  return tensors;
}

// The pieces of all UNets. Those of two UNets that share layers are one block, since a tensor
// belongs to one.
std::vector<std::vector<at::Tensor>> UNetBlocks(const SdxlModel& model) {
  std::vector<std::vector<at::Tensor>> blocks;
  std::unordered_map<const void*, size_t> block_of;
  const auto add = [&](const UNet& unet) {
    for (const std::vector<at::Tensor>& piece : PieceWeights(unet)) {
      size_t block = blocks.size();
      for (const at::Tensor& tensor : piece) {
        if (const auto found = block_of.find(tensor.unsafeGetTensorImpl()); found != block_of.end())
          block = found->second;
      }
      if (block == blocks.size()) blocks.emplace_back();
      for (const at::Tensor& tensor : piece) {
        if (block_of.emplace(tensor.unsafeGetTensorImpl(), block).second)
          blocks[block].push_back(tensor);
      }
    }
  };
  add(model.unet);
  for (const TunedModel& tuned : model.tuned) {
    if (tuned.unet) add(*tuned.unet);
  }
  return blocks;
}

}  // namespace

void Offload(MemoryMode mode, SdxlModel& model) {
  if (mode == MemoryMode::kFast) return;
  model.idle_text_encoders = std::make_shared<IdleWeights>(TextEncoderWeights(model));
  if (mode == MemoryMode::kSmall) model.unet_pieces = StreamedPieces(UNetBlocks(model));
}

}  // namespace draftp
