#include "draftp/adapter/lora_file.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/adapter/adapter_keys.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

absl::StatusOr<LoraAdapter> OfUNet(absl::StatusOr<Adapter> adapter) {
  if (!adapter.ok()) return adapter.status();
  return PlainLora(*adapter);
}

}  // namespace

bool IsPlainLora(const Adapter& adapter) {
  for (const auto& [path, change] : adapter.of(AdapterPart::kUNet)) {
    if (!change.IsPlainLora()) return false;
  }
  return true;
}

LoraAdapter UNetLora(const Adapter& adapter) {
  LoraAdapter lora{.source = adapter.source, .layers = {}, .origin = adapter.origin};
  for (const auto& [path, change] : adapter.of(AdapterPart::kUNet))
    lora.layers.emplace(path, change.Plain());
  return lora;
}

absl::StatusOr<LoraAdapter> PlainLora(const Adapter& adapter) {
  const auto error = [&](const LayerChange& change, const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(Printable(adapter.source, 4096), ": ",
                                                   Printable(change.items.begin()->second.key),
                                                   ": ", what));
  };
  for (const AdapterPart part : {AdapterPart::kTextEncoder, AdapterPart::kTextEncoder2}) {
    for (const auto& [path, change] : adapter.of(part))
      return error(change, "adapts a text encoder, expected an adapter of the UNet alone");
  }
  for (const auto& [path, change] : adapter.of(AdapterPart::kUNet)) {
    if (!change.IsPlainLora())
      return error(change, "is of a layer that isn't a LoRA of two factors alone");
  }
  return UNetLora(adapter);
}

absl::StatusOr<LoraAdapter> ReadLora(WeightMap weights) {
  return OfUNet(ReadAdapter(std::move(weights), AdapterKeys()));
}

absl::StatusOr<LoraAdapter> ReadLoraFile(const std::string& path) {
  return OfUNet(ReadAdapterFile(path, AdapterKeys()));
}

}  // namespace draftp
