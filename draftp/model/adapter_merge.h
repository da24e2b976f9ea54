// Adapters of any kind worked into the weights of a copy: of a UNet, of a text encoder.
#ifndef DRAFTP_MODEL_ADAPTER_MERGE_H_
#define DRAFTP_MODEL_ADAPTER_MERGE_H_

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

// A copy with W + scale (W' - W) in each layer that `part` of the adapter changes (ChangedWeight),
// and its bias: computed in float32, then of the network's dtype. It shares all other tensors with
// the original. Errors name the adapter's file and the key, and the layer's shape.
absl::StatusOr<UNet> MergeAdapter(const UNet& unet, const Adapter& adapter, double scale = 1.0);
absl::StatusOr<ClipText> MergeAdapter(const ClipText& encoder, const Adapter& adapter,
                                      AdapterPart part, double scale = 1.0);

}  // namespace draftp

#endif  // DRAFTP_MODEL_ADAPTER_MERGE_H_
