// A set of pictures as the metrics take it: embeddings checked and in float64, with errors that say
// how many pictures there are and how many are needed.
#ifndef DRAFTP_METRICS_PICTURE_SET_H_
#define DRAFTP_METRICS_PICTURE_SET_H_

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace draftp {

// embeddings [n,P], any floating dtype and device, as float64 on the CPU. `metric` and `set` are
// for messages. Errors: kFailedPrecondition for fewer than `least` rows, kDataLoss for a value that
// isn't finite. Throws on a tensor of another shape.
absl::StatusOr<at::Tensor> CheckedEmbeddings(std::string_view metric, std::string_view set,
                                             const at::Tensor& embeddings, int64_t least);

// The same with each row divided by its length: kDataLoss for a row of length zero.
absl::StatusOr<at::Tensor> UnitEmbeddings(std::string_view metric, std::string_view set,
                                          const at::Tensor& embeddings, int64_t least);

// Rows by prompt: sizes[p] rows each, one after the other. Errors: kFailedPrecondition for no
// prompt and for one with fewer than `least`. Throws where they don't sum to the number of rows.
absl::StatusOr<std::vector<at::Tensor>> ByPrompt(std::string_view metric,
                                                 const at::Tensor& embeddings,
                                                 const std::vector<int64_t>& sizes, int64_t least);

}  // namespace draftp

#endif  // DRAFTP_METRICS_PICTURE_SET_H_
