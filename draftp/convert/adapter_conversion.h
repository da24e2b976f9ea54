// Writes an adapter in the grammar of other programs.
#ifndef DRAFTP_CONVERT_ADAPTER_CONVERSION_H_
#define DRAFTP_CONVERT_ADAPTER_CONVERSION_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <map>
#include <optional>
#include <ostream>
#include <string>

#include "draftp/adapter/adapter_file.h"
#include "draftp/convert/convert_config.h"
#include "draftp/convert/model_to_write.h"

namespace draftp {

// The layers of the model at `base`, or, where it is empty, of SDXL base.
absl::StatusOr<LayerShapes> LayersOfBase(const std::string& base);

// The model at `base`; none where it is empty.
absl::StatusOr<std::optional<ModelToWrite>> ReadBase(const std::string& base);

// The adapter at `path`, of which every change has its layer's shape (CheckFit). The factors of a
// LoRA have the layer's number of dimensions, whatever the file has: [r,in] and [out,r] of a linear
// layer, [r,in,k,k] and [out,r,1,1] of a convolution.
absl::StatusOr<Adapter> ReadFittedAdapter(const std::string& path, const LayerShapes& layers,
                                          DoraNorm dora_norm = DoraNorm::kChanged);

// As `format` says, lora_diffusers or lora_kohya, into the file `out`, or where that doesn't end in
// .safetensors, into a new folder, under the name by which train writes it. `metadata` is what the
// file says of itself beside what its tensors and layers say.
absl::Status WriteAdapterAs(const std::string& format, const std::string& out,
                            const Adapter& adapter, const LayerShapes& layers,
                            std::map<std::string, std::string> metadata);

// WriteAdapterAs by `config`'s format to its `out`, read back first where it says verify.
absl::Status WriteAdapter(const ConvertConfig& config, const Adapter& adapter,
                          const LayerShapes& layers,
                          const std::map<std::string, std::string>& metadata, std::ostream& out);

// Reads config.in and writes config.out: every tensor in its own dtype, unless config.dtype says
// otherwise; alphas are exact. What the source's metadata say of the training stays.
absl::Status ConvertAdapter(const ConvertConfig& config, std::ostream& out);

// Reads the adapter config.in, of which every key has its layer, and prints what it adds to each.
absl::Status VerifyAdapter(const ConvertConfig& config, std::ostream& out);

}  // namespace draftp

#endif  // DRAFTP_CONVERT_ADAPTER_CONVERSION_H_
