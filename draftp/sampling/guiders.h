// The members of the concept Guider: identity, classifier-free, projected, and the wrappers
// interval and rescale.
#ifndef DRAFTP_SAMPLING_GUIDERS_H_
#define DRAFTP_SAMPLING_GUIDERS_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/lerp.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/std.h>
#include <ATen/ops/sum.h>
#include <c10/util/Exception.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "draftp/sampling/guidance_options.h"
#include "draftp/sampling/guider.h"
#include "draftp/sampling/noise_predictor.h"
#include "draftp/schedule/step_context.h"

namespace draftp {
namespace internal {

inline constexpr std::array<Condition, 2> kBothConditions = {Condition::kUnconditional,
                                                             Condition::kConditional};
inline constexpr std::span<const Condition> kConditionalOnly{kBothConditions.data() + 1, 1};

// All dimensions but the batch's.
inline std::vector<int64_t> ImageDims(const at::Tensor& x) {
  std::vector<int64_t> dims(x.dim() - 1);
  std::iota(dims.begin(), dims.end(), 1);
  return dims;
}

}  // namespace internal

// The conditional prediction alone: one row an image.
struct IdentityGuider {
  std::span<const Condition> Conditions(const StepContext& /*step*/) const {
    return internal::kConditionalOnly;
  }
  at::Tensor Combine(const StepContext& /*step*/, std::span<const at::Tensor> predictions) const {
    return predictions[0];
  }
};

// F_u + s (F_c - F_u), and with it D_u + s (D_c - D_u) (arXiv 2207.12598, eq. 6 with s = 1 + w).
// One doubled batch, unconditional first; s = 1 is the identity and takes one row an image.
class ClassifierFreeGuider {
 public:
  static constexpr std::string_view kName = "classifier_free";
  static constexpr std::string_view kOriginal = "VanillaCFG";
  static ClassifierFreeGuider Make(const GuidanceOptions& o) {
    return ClassifierFreeGuider(o.scale);
  }

  explicit ClassifierFreeGuider(double scale) : scale_(scale) {
    TORCH_CHECK(std::isfinite(scale), "guidance scale ", scale, " is not finite");
  }
  std::span<const Condition> Conditions(const StepContext& /*step*/) const {
    if (scale_ == 1.0) return internal::kConditionalOnly;
    return internal::kBothConditions;
  }
  at::Tensor Combine(const StepContext& /*step*/, std::span<const at::Tensor> predictions) const {
    if (predictions.size() == 1) return predictions[0];
    return at::lerp(predictions[0], predictions[1], scale_);
  }
  ClassifierFreeGuider WithScale(double scale) const { return ClassifierFreeGuider(scale); }

 private:
  double scale_;
};

// Adaptive projected guidance without momentum (arXiv 2410.02416, algorithm 1), which keeps large
// scales from oversaturating: of the difference d = F_c - F_u, shortened to a norm of at most
// `norm`, the part parallel to F_c counts by `parallel`, the rest whole:
//   F_u + s (d_orthogonal + parallel d_parallel),   d_parallel = (<d, F_c> / <F_c, F_c>) F_c,
// over each image, on the network's output, as diffusers' AdaptiveProjectedGuidance does. With
// parallel 1 and norm 0 it is classifier-free guidance.
class ProjectedGuider {
 public:
  static constexpr std::string_view kName = "projected";
  static constexpr std::string_view kOptions = "guidance_parallel guidance_norm";
  static ProjectedGuider Make(const GuidanceOptions& o) {
    return ProjectedGuider(o.scale, o.parallel, o.norm);
  }

  // `parallel` in [0,1]; `norm` >= 0, 0 lets any pass.
  ProjectedGuider(double scale, double parallel, double norm)
      : scale_(scale), parallel_(parallel), norm_(norm) {
    TORCH_CHECK(std::isfinite(scale), "guidance scale ", scale, " is not finite");
    TORCH_CHECK(parallel >= 0 && parallel <= 1, "guidance parallel ", parallel, " is not in [0,1]");
    TORCH_CHECK(norm >= 0, "guidance norm ", norm, " is below 0");
  }
  std::span<const Condition> Conditions(const StepContext& /*step*/) const {
    return internal::kBothConditions;
  }
  at::Tensor Combine(const StepContext& /*step*/, std::span<const at::Tensor> predictions) const {
    const at::Tensor &unconditional = predictions[0], &conditional = predictions[1];
    const std::vector<int64_t> dims = internal::ImageDims(conditional);
    at::Tensor difference = conditional - unconditional;
    if (norm_ > 0) {
      const at::Tensor length = at::linalg_vector_norm(difference, 2, dims, /*keepdim=*/true);
      difference = difference * (norm_ / length.clamp_min(norm_));
    }
    constexpr double kSmallest = 1e-24;  // of a squared norm, as torch's normalize has it
    const at::Tensor along =
        at::sum(difference * conditional, dims, /*keepdim=*/true) /
        at::sum(conditional * conditional, dims, /*keepdim=*/true).clamp_min(kSmallest);
    const at::Tensor update = difference - (1 - parallel_) * along * conditional;
    return unconditional + scale_ * update;
  }

 private:
  double scale_;
  double parallel_;
  double norm_;
};

// `inner` in the steps with lo <= sigma <= hi, outside them conditional only (arXiv 2404.07724).
// The step's own sigma decides, for all evaluations inside it.
template <Guider G>
class IntervalGuider {
 public:
  IntervalGuider(double lo, double hi, G inner) : lo_(lo), hi_(hi), inner_(std::move(inner)) {
    TORCH_CHECK(lo <= hi, "guidance interval [", lo, ", ", hi, "] is empty");
  }
  std::span<const Condition> Conditions(const StepContext& step) const {
    return Holds(step) ? inner_.Conditions(step) : internal::kConditionalOnly;
  }
  at::Tensor Combine(const StepContext& step, std::span<const at::Tensor> predictions) const {
    return Holds(step) ? inner_.Combine(step, predictions) : predictions[0];
  }

 private:
  bool Holds(const StepContext& step) const { return lo_ <= step.sigma && step.sigma <= hi_; }

  double lo_;
  double hi_;
  G inner_;
};

// Brings the guided output's spread back towards the conditional one's (arXiv 2305.08891, sec. 3.4,
// eq. 15-16):
//   F = phi (std(F_c) / std(F_g)) F_g + (1 - phi) F_g,   F_g = inner's combination,
// std over all but the batch dimension, on the network's output (noise or velocity), as diffusers'
// rescale_noise_cfg does; phi in [0,1]. Steps that take one row are left as they are.
template <Guider G>
class RescaleGuider {
 public:
  RescaleGuider(double phi, G inner) : phi_(phi), inner_(std::move(inner)) {
    TORCH_CHECK(phi >= 0 && phi <= 1, "guidance rescale ", phi, " is not in [0,1]");
  }
  std::span<const Condition> Conditions(const StepContext& step) const {
    return inner_.Conditions(step);
  }
  at::Tensor Combine(const StepContext& step, std::span<const at::Tensor> predictions) const {
    at::Tensor guided = inner_.Combine(step, predictions);
    if (predictions.size() == 1 || phi_ == 0) return guided;
    const at::Tensor ratio = Spread(predictions.back()) / Spread(guided);  // [B,1,1,1]
    return guided * (ratio * phi_ + (1.0 - phi_));
  }

 private:
  static at::Tensor Spread(const at::Tensor& x) {
    return at::std(x, at::OptionalIntArrayRef(internal::ImageDims(x)),
                   /*correction=*/at::Scalar(1), /*keepdim=*/true);
  }

  double phi_;
  G inner_;
};

static_assert(Guider<IdentityGuider>, "IdentityGuider does not satisfy Guider");
static_assert(Guider<ClassifierFreeGuider>, "ClassifierFreeGuider does not satisfy Guider");
static_assert(Guider<ProjectedGuider>, "ProjectedGuider does not satisfy Guider");
static_assert(Guider<IntervalGuider<ClassifierFreeGuider>>,
              "IntervalGuider does not satisfy Guider");
static_assert(Guider<RescaleGuider<ClassifierFreeGuider>>, "RescaleGuider does not satisfy Guider");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_GUIDERS_H_
