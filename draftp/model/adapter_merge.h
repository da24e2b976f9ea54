// Adapters of any kind worked into the weights of a copy: of a UNet, of a text encoder.
#ifndef DRAFTP_MODEL_ADAPTER_MERGE_H_
#define DRAFTP_MODEL_ADAPTER_MERGE_H_

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/adapter/adapter_file.h"
#include "draftp/model/clip_text.h"
#include "draftp/model/unet.h"

namespace draftp {

// Paths of all linear layers, convolutions and norms, for AdapterKeys.
std::vector<std::string> LayerPaths(const UNet& unet);
std::vector<std::string> LayerPaths(const ClipText& encoder);

// An adapter that was read, and the factor on all that it changes.
struct ScaledChanges {
  const Adapter* adapter;  // outlives the call
  double scale = 1.0;
};

// A copy in which one adapter after the other makes W + scale (W' - W) of each layer that `part` of
// it changes (ChangedWeight), and of its bias: in float32 through all of them, then rounded to the
// network's dtype once. It shares all other tensors with the original. Errors name the adapter's
// file and the key, and the layer's shape.
absl::StatusOr<UNet> MergeAdapters(const UNet& unet, std::span<const ScaledChanges> adapters);
absl::StatusOr<ClipText> MergeAdapters(const ClipText& encoder,
                                       std::span<const ScaledChanges> adapters, AdapterPart part);

// Of one adapter.
absl::StatusOr<UNet> MergeAdapter(const UNet& unet, const Adapter& adapter, double scale = 1.0);
absl::StatusOr<ClipText> MergeAdapter(const ClipText& encoder, const Adapter& adapter,
                                      AdapterPart part, double scale = 1.0);

}  // namespace draftp

#endif  // DRAFTP_MODEL_ADAPTER_MERGE_H_
