// The concept NoisePredictor: the network behind a denoiser, asked for rows of a batch.
#ifndef DRAFTP_SAMPLING_NOISE_PREDICTOR_H_
#define DRAFTP_SAMPLING_NOISE_PREDICTOR_H_

#include <ATen/core/Tensor.h>

#include <concepts>
#include <cstdint>
#include <span>

namespace draftp {

enum class Condition : uint8_t { kUnconditional, kConditional };

// One network row for each image of the batch: which model sees it, with which conditioning.
struct RowGroup {
  int model;  // 0 the base model, 1.. tuned models or adapters
  Condition condition;
  friend constexpr bool operator==(const RowGroup&, const RowGroup&) = default;
};

// p(x, time, rows):
//   x       [B,C,h,w], scaled by c_in; the same images for every row group
//   time    what the network takes as time (index into the training table)
//   rows    not empty
//   result  [rows.size()*B,C,h,w], row-group-major (all images of rows[0], then of rows[1], ...):
//           the network's output, noise or velocity; f32 or the network's dtype.
// Who implements it expands x, picks conditioning and adapters by row range, and may capture the
// call.
template <class P>
concept NoisePredictor =
    requires(P& p, const at::Tensor& x, double time, std::span<const RowGroup> rows) {
      { p(x, time, rows) } -> std::same_as<at::Tensor>;
    };

namespace internal {

// Declared only: stands for every predictor where a concept is checked.
struct PredictorArchetype {
  at::Tensor operator()(const at::Tensor& x, double time, std::span<const RowGroup> rows);
};

}  // namespace internal

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_NOISE_PREDICTOR_H_
