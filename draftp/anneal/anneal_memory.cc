#include "draftp/anneal/anneal_memory.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>

#include "draftp/anneal/image_drawer.h"
#include "draftp/io/format_bytes.h"
#include "draftp/run/compute_device.h"
#include "draftp/sdxl/memory_estimate.h"

namespace draftp {
namespace {

int64_t ElementSize(const ComputeDevice& device) {
  return device.network.dtype == at::kBFloat16 ? 2 : 4;
}

// Rows of the heaviest step's call.
int64_t RowsOfACall(const AnnealWork& work) {
  const int64_t batch = std::min(work.plan.batch_size, work.plan.own_images());
  const Blend& heaviest = work.Heaviest();
  int models = 1;
  for (int i = 0; i < work.schedule.steps(); ++i)
    models = std::max(models, heaviest.Evaluations(work.schedule.Step(i)));
  const bool guided = work.config.sampling.guided() || heaviest.blending.guides_itself();
  const int64_t groups = models * (guided ? 2 : 1);
  return batch * std::max<int64_t>(1, groups / work.plan.together);
}

// Keys and values of the prompts, which every call of a batch reads.
int64_t KeysAndValues(const UNet& unet, int64_t rows, int64_t element) {
  constexpr int64_t kTokens = 77;
  int64_t width = 0;
  VisitCrossAttentions(unet, [&width](const AttentionWeights& attention) {
    width += 2 * attention.to_k.weight.size(0);
  });
  return rows * kTokens * width * element;
}

int64_t BytesOf(const std::vector<at::Tensor>& tensors) {
  int64_t bytes = 0;
  for (const at::Tensor& tensor : tensors) bytes += static_cast<int64_t>(tensor.nbytes());
  return bytes;
}

// Measured on an H100 with LibTorch 2.11: workspaces of cuBLAS and of recorded calls.
constexpr int64_t kOfLibraries = int64_t{176} << 20;
// What LibTorch's allocator can't give out between what is in use.
constexpr int64_t kHoles = int64_t{300} << 20;

}  // namespace

const Blend& AnnealWork::Heaviest() const {
  return *std::ranges::max_element(
      plan.blends, {}, [this](const Blend& type) { return WorkPerImage({type}, schedule); });
}

int64_t AnnealMemory::weights(MemoryMode mode) const {
  int64_t bytes = base_unet + tuned_unets + decoder;
  if (mode == MemoryMode::kFast) bytes += text_encoders;
  if (mode == MemoryMode::kSmall) bytes += 2 * largest_block - blocks;
  return bytes;
}

int64_t AnnealMemory::OnGpu(MemoryMode mode) const {
  const int64_t encoding = mode == MemoryMode::kFast ? 0 : text_encoders;
  return std::max(weights(MemoryMode::kFast) + largest_block,
                  weights(mode) + kept + std::max({call, decode, encoding}));
}

int64_t AnnealMemory::NeededOfGpu(MemoryMode mode) const {
  const int64_t recorded = mode == MemoryMode::kSmall ? 0 : call;
  return OnGpu(mode) + recorded + kHoles;
}

AnnealMemory EstimateMemory(const AnnealWork& work) {
  const SdxlModel& model = work.model;
  const int64_t factor = model.vae.config.Downsampling();
  const int64_t height = work.size.height / factor, width = work.size.width / factor;
  const int64_t rows = RowsOfACall(work), element = ElementSize(work.device);
  AnnealMemory memory{.base_unet = WeightBytes(model.unet),
                      .decoder = WeightBytes(model.vae),
                      .text_encoders = WeightBytes(model.text_encoders)};
  for (const TunedModel& tuned : model.tuned)
    memory.tuned_unets += tuned.unet ? WeightBytes(*tuned.unet) : 0;
  memory.call = element * rows * UNetWorkspace(model.unet.config, height, width);
  if (!work.device.is_cuda()) {
    memory.decode = 4 * DecoderWorkspace(model.vae.config, height, width);
    return memory;
  }
  for (const std::vector<at::Tensor>& block : PieceWeights(model.unet)) {
    memory.blocks += BytesOf(block);
    memory.largest_block = std::max(memory.largest_block, BytesOf(block));
  }
  memory.kept = kOfLibraries + KeysAndValues(model.unet, rows, element);
  const int64_t at_once = std::min(
      {DecodedAtOnce(work.size, /*is_cuda=*/true), work.plan.batch_size, work.plan.own_images()});
  memory.decode = 4 * (at_once > 1 ? at_once * DecoderWorkspace(model.vae.config, height, width)
                                   : BandedDecoderWorkspace(model.vae.config, height, width));
  return memory;
}

MemoryChoice MemoryChoice::Of(const std::string& named, const AnnealMemory& memory,
                              int64_t available) {
  MemoryChoice choice{.memory = memory, .available = available};
  if (available == 0) return choice;
  const auto fits = [&](MemoryMode mode) { return memory.NeededOfGpu(mode) <= available; };
  const auto* const found = std::ranges::find(kMemoryModes, named);
  if (found != std::end(kMemoryModes)) {
    choice.mode = static_cast<MemoryMode>(found - kMemoryModes);
  } else if (!fits(MemoryMode::kFast)) {
    choice.mode = fits(MemoryMode::kBalanced) ? MemoryMode::kBalanced : MemoryMode::kSmall;
  }
  return choice;
}

std::string MemoryNotice(const std::string& named, const MemoryChoice& choice) {
  const bool automatic = named == "auto";
  if (choice.available == 0) return automatic ? "" : OnlyOfAGpu("--memory");
  if (!automatic || choice.mode == MemoryMode::kFast) return "";
  return absl::StrCat(
      FormatBytes(choice.available), " of the GPU are free, --memory fast takes about ",
      FormatBytes(choice.memory.NeededOfGpu(MemoryMode::kFast)), ": it is --memory ",
      NameOf(choice.mode), ", about ", FormatBytes(choice.memory.NeededOfGpu(choice.mode)));
}

std::string WhatTakesLessMemory(const MemoryChoice& choice, int64_t batch_size) {
  const auto needed = [&choice](MemoryMode mode) { return choice.memory.NeededOfGpu(mode); };
  std::string text = absl::StrCat("--memory ", NameOf(choice.mode), " takes about ",
                                  FormatBytes(needed(choice.mode)), " here, ",
                                  FormatBytes(choice.available), " were free");
  for (const MemoryMode less : {MemoryMode::kBalanced, MemoryMode::kSmall}) {
    if (less > choice.mode && needed(less) < needed(choice.mode))
      absl::StrAppend(&text, "; --memory ", NameOf(less), ": about ", FormatBytes(needed(less)));
  }
  absl::StrAppend(&text, batch_size > 1 ? "; a smaller --batch_size, --height or --width takes less"
                                        : "; a smaller --height or --width takes less");
  return text;
}

}  // namespace draftp
