#include "draftp/sdxl/tuned_model.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "draftp/adapter/adapter_file.h"
#include "draftp/adapter/lora_file.h"
#include "draftp/io/printable.h"
#include "draftp/model/adapter_merge.h"
#include "draftp/model/unet_adapter.h"
#include "draftp/run/system_limits.h"

namespace draftp {
namespace {

// `encoders` with an adapter's part for them in their weights.
absl::StatusOr<SdxlTextEncoders> Merged(const SdxlTextEncoders& encoders, const Adapter& adapter,
                                        double scale) {
  auto first = MergeAdapter(encoders.first, adapter, AdapterPart::kTextEncoder, scale);
  if (!first.ok()) return first.status();
  auto second = MergeAdapter(encoders.second, adapter, AdapterPart::kTextEncoder2, scale);
  if (!second.ok()) return second.status();
  return SdxlTextEncoders{*std::move(first), *std::move(second)};
}

// Loads one adapter after the other.
class Loader {
 public:
  Loader(AdapterUse use, const SdxlTextEncoders& text_encoders, UNet& unet)
      : use_(use), text_encoders_(text_encoders), unet_(unet) {}

  absl::Status Add(const Adapter& adapter, double scale) {
    if (tuned_.empty() || use_ == AdapterUse::kApart) tuned_.emplace_back();
    tuned_.back().origins.push_back(adapter.origin);
    if (use_ == AdapterUse::kCarried) return Carry(adapter, scale);
    if (absl::Status merged = MergeTextEncoders(adapter, scale); !merged.ok()) return merged;
    if (use_ == AdapterUse::kApart && IsPlainLora(adapter)) return Attach(adapter, scale);
    TunedModel& tuned = tuned_.back();
    auto merged = MergeAdapter(tuned.unet ? *tuned.unet : unet_, adapter, scale);
    if (!merged.ok()) return merged.status();
    tuned.unet = *std::move(merged);
    return absl::OkStatus();
  }

  std::vector<TunedModel> Take() { return std::move(tuned_); }

 private:
  absl::Status Attach(const Adapter& adapter, double scale) {
    tuned_.back().adapters.push_back({.slot = slots_, .scale = scale});
    return AttachLora(unet_, UNetLora(adapter), slots_++);
  }

  absl::Status Carry(const Adapter& adapter, double scale) {
    tuned_.back().scales_change = true;
    if (IsPlainLora(adapter) && !adapter.ChangesTextEncoders()) return Attach(adapter, scale);
    return absl::InvalidArgumentError(absl::StrCat(
        Printable(adapter.source, 4096), ": found ",
        adapter.ChangesTextEncoders() ? "changes of text encoders" : "an adapter that is no LoRA",
        ", expected a plain LoRA of the UNet for a weight that changes with the step; "
        "--blend prediction takes any"));
  }

  absl::Status MergeTextEncoders(const Adapter& adapter, double scale) {
    if (!adapter.ChangesTextEncoders()) return absl::OkStatus();
    std::optional<SdxlTextEncoders>& own = tuned_.back().text_encoders;
    auto merged = Merged(own ? *own : text_encoders_, adapter, scale);
    if (!merged.ok()) return merged.status();
    own = *std::move(merged);
    return absl::OkStatus();
  }

  const AdapterUse use_;
  const SdxlTextEncoders& text_encoders_;
  UNet& unet_;
  std::vector<TunedModel> tuned_;
  int slots_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<TunedModel>> LoadAdapters(const std::vector<ScaledAdapter>& sources,
                                                     AdapterUse use,
                                                     const SdxlTextEncoders& text_encoders,
                                                     UNet& unet) {
  Loader loader(use, text_encoders, unet);
  const AdapterKeys keys = AdapterKeysOf(unet, text_encoders);
  for (const ScaledAdapter& source : sources) {
    const auto adapter = ReadAdapterFile(source.path, keys);
    if (!adapter.ok()) return adapter.status();
    absl::Status added = LoadFrom(source.path, [&] { return loader.Add(*adapter, source.scale); });
    if (!added.ok()) return added;
  }
  return loader.Take();
}

AdapterKeys AdapterKeysOf(const UNet& unet, const SdxlTextEncoders& text_encoders) {
  return AdapterKeys(
      {LayerPaths(unet), LayerPaths(text_encoders.first), LayerPaths(text_encoders.second)});
}

}  // namespace draftp
