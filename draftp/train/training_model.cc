#include "draftp/train/training_model.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "draftp/adapter/lora_file.h"
#include "draftp/model/pack_weights.h"
#include "draftp/model/stack_projections.h"
#include "draftp/model/unet_adapter.h"
#include "draftp/run/exit_code.h"
#include "draftp/sdxl/offload_model.h"
#include "draftp/sdxl/pack_model.h"
#include "draftp/shard/any_sharding_policy.h"

namespace draftp {
namespace {

constexpr int kSlot = 0;

at::ScalarType TrainedDtype(const UNet& unet) {
  return unet.placement().dtype == at::kDouble ? at::kDouble : at::kFloat;
}

// An adapter of any grammar whose layers are trained: LoRAs of the UNet's linear layers and
// convolutions.
absl::StatusOr<LoraAdapter> ReadToTrainOn(const std::string& path, const SdxlModel& model) {
  const auto adapter = ReadAdapterFile(path, AdapterKeysOf(model));
  if (!adapter.ok()) return adapter.status();
  return PlainLora(*adapter);
}

template <class Network>
Network Packed(const Network& plain) {
  const at::NoGradGuard no_grad;
  Network packed = plain;
  VisitWeights(packed, []<class W>(const std::string& name, W& layer) {
    if constexpr (requires { layer.packed; }) layer.weight = layer.weight.detach();
    PackWeights()(name, layer);
  });
  return packed;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TrainingModel>> TrainingModel::Load(const TrainConfig& config,
                                                                   const ComputeDevice& device) {
  auto sdxl = SdxlModel::Load({.model = config.model, .parts = config.parts}, device);
  if (!sdxl.ok()) return AsFailure(sdxl.status());
  return Make(*std::move(sdxl), config);
}

absl::StatusOr<std::unique_ptr<TrainingModel>> TrainingModel::Make(SdxlModel sdxl,
                                                                   const TrainConfig& config) {
  std::unique_ptr<TrainingModel> model(new TrainingModel(std::move(sdxl), config.full()));
  SdxlModel& networks = model->sdxl_;
  if (config.full()) {
    networks.tuned.push_back({.unet = networks.unet});
    model->parameters_ = TrainAll(*networks.tuned[0].unet);
  } else {
    if (absl::Status attached = model->AttachAdapter(config); !attached.ok()) return attached;
    model->parameters_ = TrainLora(networks.unet, kSlot);
  }
  // A policy that divides blocks lays them out itself.
  const bool divides = kShardingPolicies.Takes(config.sharding, "blocks");
  if (StacksProjections(networks.unet.placement()) && !divides) {
    StackProjections(networks.unet);
    if (config.full()) StackProjections(*networks.tuned[0].unet);
  }
  if (PacksWeights(networks.unet.placement()))
    model->Pack(/*networks=*/!divides, /*frozen=*/!config.shard_frozen);
  if (config.memory == NameOf(MemoryMode::kBalanced) && networks.unet.placement().device.is_cuda())
    Offload(MemoryMode::kBalanced, networks);
  const auto inference = [](const std::optional<UNet>& packed) {
    return packed ? &*packed : nullptr;
  };
  model->networks_ = {{.unet = &networks.unet, .inference = inference(model->packed_base_)}};
  if (config.full()) {
    model->networks_.push_back(
        {.unet = &*networks.tuned[0].unet, .inference = inference(model->packed_tuned_)});
  } else {
    model->networks_.push_back({.unet = &networks.unet,
                                .adapters = {{.slot = kSlot}},
                                .inference = inference(model->packed_base_)});
  }
  return model;
}

absl::Status TrainingModel::AttachAdapter(const TrainConfig& config) {
  const double alpha =
      config.lora_alpha > 0 ? config.lora_alpha : static_cast<double>(config.lora_rank);
  const auto adapter = config.lora.empty()
                           ? InitLora(sdxl_.unet, {.rank = config.lora_rank,
                                                   .alpha = alpha,
                                                   .target_modules = config.target_modules,
                                                   .seed = config.seed})
                           : ReadToTrainOn(config.lora, sdxl_);
  if (!adapter.ok()) {
    return config.lora.empty() ? adapter.status() : AsFailure(adapter.status());
  }
  LoraAdapter own = *adapter;
  for (auto& [path, layer] : own.layers) {
    // A mapped file's tensors are read-only views, and the network must not share new ones either.
    layer.a = layer.a.clone();
    layer.b = layer.b.clone();
  }
  return AttachLora(sdxl_.unet, own, kSlot, TrainedDtype(sdxl_.unet));
}

void TrainingModel::Pack(bool networks, bool frozen) {
  // Work is shared out by images and by our own kernels; LibTorch's threads would spin against it.
  at::set_num_threads(1);
  if (networks) packed_base_ = Packed(sdxl_.unet);
  if (networks && full_) packed_tuned_ = Packed(tuned());
  if (!frozen) return;
  packed_vae_ = Packed(sdxl_.vae);
  PackTextEncoders(sdxl_.text_encoders);
}

ShardingArguments TrainingModel::Sharding() const {
  ShardingArguments arguments{.parameters = parameters_, .frozen_blocks = PieceWeights(sdxl_.unet)};
  if (full_) arguments.blocks = TrainedPieces(tuned(), parameters_);
  return arguments;
}

void TrainingModel::ParametersChanged() {
  if (packed_tuned_) *packed_tuned_ = Packed(tuned());
}

std::string DescribeTrained(const TrainingModel& model) {
  if (model.full()) return "the whole UNet";
  int64_t layers = 0, least = 0, most = 0;
  for (const Parameter& parameter : model.parameters()) {
    if (!parameter.name.ends_with(".lora_A.weight")) continue;
    const int64_t rank = parameter.value.size(0);
    least = layers++ == 0 ? rank : std::min(least, rank);
    most = std::max(most, rank);
  }
  const std::string ranks =
      least == most ? absl::StrCat("rank ", most) : absl::StrCat("ranks ", least, " to ", most);
  return absl::StrCat("LoRA of ", ranks, " on ", layers, " layers");
}

}  // namespace draftp
