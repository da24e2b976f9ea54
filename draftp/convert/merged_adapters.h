// Adapters of any kind worked into the tensors of a model on its way to a file.
#ifndef DRAFTP_CONVERT_MERGED_ADAPTERS_H_
#define DRAFTP_CONVERT_MERGED_ADAPTERS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "draftp/adapter/adapter_file.h"
#include "draftp/adapter/scaled_adapter.h"
#include "draftp/convert/model_to_write.h"

namespace draftp {

// "722 layers of unet, 72 layers of text_encoder".
std::string CountLayers(const Adapter& adapter);

// FILE or FILE:SCALE, a number, as SplitAdapterArgument takes them apart. The error names
// --merge_lora and what stands behind a file that is there.
absl::StatusOr<ScaledAdapter> ParseScaledAdapter(const std::string& text,
                                                 DoraNorm dora_norm = DoraNorm::kChanged);

// Whether every change has the shape of its layer: the errors of ChangedWeight and ChangedBias,
// with the adapter's file, without computing anything.
absl::Status CheckFit(const Adapter& adapter, const LayerShapes& layers);

// One adapter after the other: W becomes W + scale (W' - W) (ChangedWeight), in float32 through all
// of them, and rounded once: to `dtype`, as all tensors then are, or to the tensor's own. It is
// computed when the tensor is made. `out` gets a line an adapter. A change of a bias that the model
// lacks is nothing where it is all zeros, and else an error: readers of a checkpoint leave out a
// tensor that their layer hasn't. Other errors are those of ReadAdapterFile and CheckFit.
absl::Status MergeAdapters(const std::vector<ScaledAdapter>& adapters,
                           std::optional<at::ScalarType> dtype, ModelToWrite& model,
                           std::ostream& out);

}  // namespace draftp

#endif  // DRAFTP_CONVERT_MERGED_ADAPTERS_H_
