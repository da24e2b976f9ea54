// The difference of two checkpoints as a LoRA.
#ifndef DRAFTP_CONVERT_LORA_EXTRACTION_H_
#define DRAFTP_CONVERT_LORA_EXTRACTION_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <ostream>
#include <string>

#include "draftp/adapter/adapter_file.h"
#include "draftp/convert/byte_progress.h"
#include "draftp/convert/convert_config.h"
#include "draftp/convert/model_to_write.h"

namespace draftp {

// How well a part's layers are approximated.
struct ExtractionError {
  int64_t layers = 0;
  double left = 0, all = 0;  // sums of squares of D - B A and of D
  double worst = 0;          // of a layer, ||D - B A|| / ||D|| (Frobenius)
  std::string worst_layer = {};

  double relative() const;  // of all layers together
};

struct ExtractedLora {
  Adapter adapter;
  std::array<ExtractionError, kAdapterParts> errors;
  int64_t left_out = 0;  // tensors that differ, and that a LoRA doesn't hold
};

// Of each linear layer and convolution that differs, D = W of `tuned` - W of `base` as B A of rank
// min(rank, m, n), by LargestSingularValues in float32: A = sqrt(S) V^T, B = U sqrt(S), alpha the
// rank. Factors are of `dtype`, and the errors are those of the rounded factors. One layer's
// weights are in memory at a time. Errors: a layer that the other model lacks, or has in another
// shape; weights that aren't finite; no layer that differs.
absl::StatusOr<ExtractedLora> ExtractLora(const ModelToWrite& tuned, const ModelToWrite& base,
                                          int64_t rank, at::ScalarType dtype);

// config.in minus config.extract, to config.out. `out` gets a table of layers, rank and error,
// `progress` the bytes of `in`.
absl::Status RunExtraction(const ConvertConfig& config, std::ostream& out, ByteProgress& progress);

}  // namespace draftp

#endif  // DRAFTP_CONVERT_LORA_EXTRACTION_H_
