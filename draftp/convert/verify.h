// Checks of models and adapters: that every tensor has its place, and that what was written reads
// back as it was meant.
#ifndef DRAFTP_CONVERT_VERIFY_H_
#define DRAFTP_CONVERT_VERIFY_H_

#include <absl/status/status.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "draftp/adapter/adapter_file.h"
#include "draftp/convert/model_to_write.h"
#include "draftp/sdxl/part_paths.h"

namespace draftp {

// Whether a file has keys of an adapter, or a folder without model_index.json is one.
bool IsAdapter(const std::string& path);

// Holds a model against the structure that its configs describe. `out` gets a line a part, and the
// names of tensors that have no place there, or that no part of a single file took. Errors: a
// tensor that is missing, or of another shape.
absl::Status VerifyModel(const std::string& path, const PartPaths& parts, std::ostream& out);

// Whether the model at `path` has the tensors of `written`, bit for bit, under today's names. An
// error names the first that it hasn't.
absl::Status VerifyWrittenModel(const std::string& path, const ModelToWrite& written,
                                std::ostream& out);

// The same of an adapter at `path`: tensors' bits, and scales.
absl::Status VerifyWrittenAdapter(const std::string& path, const Adapter& written,
                                  const LayerShapes& layers, std::ostream& out);

// What an adapter adds to one layer.
struct ChangeNorm {
  std::string layer;     // "unet.PATH"
  std::string kind;      // KindOf
  double norm = 0;       // ||W' - W|| (Frobenius); of a DoRA without a base: not a number
  double relative = -1;  // to ||W||; below 0: without a base
};

// Of each layer's weight, the largest first; with `base` (null: none) relative to its weights. One
// layer is in memory at a time.
absl::StatusOr<std::vector<ChangeNorm>> ChangeNorms(const Adapter& adapter,
                                                    const LayerShapes& layers,
                                                    const ModelToWrite* base);

// A table of the 20 largest, the range of the others, and the norm of all together.
void PrintNorms(const std::vector<ChangeNorm>& norms, std::ostream& out);

}  // namespace draftp

#endif  // DRAFTP_CONVERT_VERIFY_H_
