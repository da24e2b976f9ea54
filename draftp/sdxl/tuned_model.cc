#include "draftp/sdxl/tuned_model.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <deque>
#include <span>
#include <utility>

#include "draftp/adapter/adapter_file.h"
#include "draftp/adapter/lora_file.h"
#include "draftp/io/printable.h"
#include "draftp/model/adapter_merge.h"
#include "draftp/model/unet_adapter.h"
#include "draftp/run/system_limits.h"

namespace draftp {
namespace {

using Changes = std::span<const ScaledChanges>;

// `encoders` with the adapters' parts for them in their weights.
absl::StatusOr<SdxlTextEncoders> Merged(const SdxlTextEncoders& encoders, Changes adapters) {
  auto first = MergeAdapters(encoders.first, adapters, AdapterPart::kTextEncoder);
  if (!first.ok()) return first.status();
  auto second = MergeAdapters(encoders.second, adapters, AdapterPart::kTextEncoder2);
  if (!second.ok()) return second.status();
  return SdxlTextEncoders{*std::move(first), *std::move(second)};
}

// Puts adapters to their use: each on its own, or all into one model.
class Loader {
 public:
  Loader(AdapterUse use, const SdxlTextEncoders& text_encoders, UNet& unet)
      : use_(use), text_encoders_(text_encoders), unet_(unet) {}

  // One of any use but kMerged.
  absl::Status Add(const Adapter& adapter, double scale) {
    if (use_ != AdapterUse::kApart) {
      if (absl::Status carried = Carry(adapter, scale); !carried.ok()) return carried;
    }
    if (use_ == AdapterUse::kCarried) return Attach(adapter);
    tuned_.emplace_back();
    tuned_.back().origins.push_back(adapter.origin);
    const std::array changes = {ScaledChanges{&adapter, scale}};
    if (!IsPlainLora(adapter)) return Merge(changes);
    if (absl::Status merged = MergeTextEncoders(changes); !merged.ok()) return merged;
    tuned_.back().adapters.push_back({.slot = slots_, .scale = scale});
    return Attach(adapter);
  }

  // All of kMerged.
  absl::Status AddMerged(Changes adapters) {
    tuned_.emplace_back();
    for (const ScaledChanges& one : adapters) tuned_.back().origins.push_back(one.adapter->origin);
    return Merge(adapters);
  }

  std::vector<TunedModel> Take() {
    if (carried_.scales_change) tuned_.push_back(std::move(carried_));
    return std::move(tuned_);
  }

 private:
  absl::Status Attach(const Adapter& adapter) {
    return AttachLora(unet_, UNetLora(adapter), slots_++);
  }

  // Of carried ones each has a slot.
  absl::Status Carry(const Adapter& adapter, double scale) {
    carried_.scales_change = true;
    carried_.origins.push_back(adapter.origin);
    carried_.adapters.push_back({.slot = slots_, .scale = scale});
    if (IsPlainLora(adapter) && !adapter.ChangesTextEncoders()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        Printable(adapter.source, 4096), ": found ",
        adapter.ChangesTextEncoders() ? "changes of text encoders" : "an adapter that is no LoRA",
        ", expected a plain LoRA of the UNet, whose scale can change from step to step; mix(...) "
        "and "
        "--blend prediction take any"));
  }

  absl::Status Merge(Changes adapters) {
    if (absl::Status merged = MergeTextEncoders(adapters); !merged.ok()) return merged;
    auto merged = MergeAdapters(unet_, adapters);
    if (!merged.ok()) return merged.status();
    tuned_.back().unet = *std::move(merged);
    return absl::OkStatus();
  }

  absl::Status MergeTextEncoders(Changes adapters) {
    const bool changes = std::ranges::any_of(
        adapters, [](const ScaledChanges& one) { return one.adapter->ChangesTextEncoders(); });
    if (!changes) return absl::OkStatus();
    auto merged = Merged(text_encoders_, adapters);
    if (!merged.ok()) return merged.status();
    tuned_.back().text_encoders = *std::move(merged);
    return absl::OkStatus();
  }

  const AdapterUse use_;
  const SdxlTextEncoders& text_encoders_;
  UNet& unet_;
  std::vector<TunedModel> tuned_;
  TunedModel carried_;
  int slots_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<TunedModel>> LoadAdapters(const std::vector<ScaledAdapter>& sources,
                                                     AdapterUse use,
                                                     const SdxlTextEncoders& text_encoders,
                                                     UNet& unet) {
  Loader loader(use, text_encoders, unet);
  const AdapterKeys keys = AdapterKeysOf(unet, text_encoders);
  std::deque<Adapter> read;
  std::vector<ScaledChanges> merged;
  for (const ScaledAdapter& source : sources) {
    absl::StatusOr<Adapter> adapter = ReadAdapterFile(source.path, keys, source.dora_norm);
    if (!adapter.ok()) return adapter.status();
    if (use == AdapterUse::kMerged) {
      merged.push_back({&read.emplace_back(*std::move(adapter)), source.scale});
      continue;
    }
    absl::Status added = LoadFrom(source.path, [&] { return loader.Add(*adapter, source.scale); });
    if (!added.ok()) return added;
  }
  if (!merged.empty()) {
    absl::Status added = LoadFrom(sources[0].path, [&] { return loader.AddMerged(merged); });
    if (!added.ok()) return added;
  }
  return loader.Take();
}

AdapterKeys AdapterKeysOf(const UNet& unet, const SdxlTextEncoders& text_encoders) {
  return AdapterKeys(
      {LayerPaths(unet), LayerPaths(text_encoders.first), LayerPaths(text_encoders.second)});
}

}  // namespace draftp
