// The ways to blend that take what the tuned model changes in two parts, each with a schedule of
// its own: along and across the estimate, low and high frequencies.
#ifndef DRAFTP_SAMPLING_SPLIT_BLENDINGS_H_
#define DRAFTP_SAMPLING_SPLIT_BLENDINGS_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <string>
#include <utility>

#include "draftp/sampling/blending.h"
#include "draftp/sampling/blendings.h"
#include "draftp/sampling/frequency_bands.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/weighing.h"

namespace draftp {
namespace internal {

// Where both parts have one weight, their sum has it: the plain mixture.
inline BlendStep SplitStep(double first, double second) {
  if (first == second) return MixtureStep({&first, 1});
  return {.parts = {{kBaseModel, 1.0}, {1, 1.0}}, .linear = false};
}

}  // namespace internal

// D = D_base + w_orth delta_orth + w_par delta_par of delta = D_tuned - D_base, where
//   delta_par = <delta, D_tuned> / |D_tuned|^2 D_tuned,   delta_orth = delta - delta_par,
// with inner products over an image's (C,h,w), in float64 (adaptive projected guidance, arXiv
// 2410.02416, between two models, without its momentum and threshold; diffusers'
// normalized_guidance). w_par = 0 leaves out what makes colours burn.
// Text: projected(T_orthogonal[,T_parallel]), base without the second.
class ProjectedBlending {
 public:
  ProjectedBlending(AnyWeighing orthogonal, AnyWeighing parallel)
      : orthogonal_(std::move(orthogonal)), parallel_(std::move(parallel)) {}

  BlendStep At(const StepContext& step) const {
    return internal::SplitStep(internal::FiniteWeight(orthogonal_, step),
                               internal::FiniteWeight(parallel_, step));
  }
  at::Tensor Combine(const StepContext& step, const at::Tensor& base,
                     const at::Tensor& delta) const {
    constexpr double kLeast = 1e-24;  // of |D_tuned|^2
    const double across = orthogonal_(step), along = parallel_(step);
    const at::Tensor tuned = base + delta;
    const at::Tensor wide = tuned.to(at::kDouble);
    const at::Tensor product = (delta.to(at::kDouble) * wide).sum({1, 2, 3}, /*keepdim=*/true);
    const at::Tensor square = wide.square().sum({1, 2, 3}, /*keepdim=*/true).clamp_min(kLeast);
    const at::Tensor share = (product / square * (along - across)).to(base.scalar_type());
    return base + delta * across + tuned * share;  // share [B,1,1,1]
  }
  int adapters() const { return 1; }
  std::string name() const {
    const std::string parallel = internal::IsZero(parallel_) ? "" : "," + parallel_.name();
    return "projected(" + orthogonal_.name() + parallel + ")";
  }

 private:
  AnyWeighing orthogonal_, parallel_;
};

// D = D_base + w_low L(delta) + w_high (delta - L(delta)) of delta = D_tuned - D_base, L the low
// frequencies of frequency_bands.h (frequency-decoupled guidance, arXiv 2506.19713, between two
// models, with two bands). Text: bands(T_low,T_high).
class BandsBlending {
 public:
  BandsBlending(AnyWeighing low, AnyWeighing high) : low_(std::move(low)), high_(std::move(high)) {}

  BlendStep At(const StepContext& step) const {
    return internal::SplitStep(internal::FiniteWeight(low_, step),
                               internal::FiniteWeight(high_, step));
  }
  at::Tensor Combine(const StepContext& step, const at::Tensor& base,
                     const at::Tensor& delta) const {
    const double low = low_(step), high = high_(step);
    return base + delta * high + LowFrequencies(delta) * (low - high);
  }
  int adapters() const { return 1; }
  std::string name() const { return "bands(" + low_.name() + "," + high_.name() + ")"; }

 private:
  AnyWeighing low_, high_;
};

static_assert(Blending<ProjectedBlending> && CombinesEstimates<ProjectedBlending>,
              "ProjectedBlending does not satisfy Blending");
static_assert(Blending<BandsBlending> && CombinesEstimates<BandsBlending>,
              "BandsBlending does not satisfy Blending");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_SPLIT_BLENDINGS_H_
