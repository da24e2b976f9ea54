// The concept Sampler: one transition from a noise level to the next.
#ifndef DRAFTP_SAMPLING_SAMPLER_H_
#define DRAFTP_SAMPLING_SAMPLER_H_

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <concepts>
#include <utility>

#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/schedule/step_context.h"

namespace draftp {
namespace internal {

// Declared only: they stand for every denoiser and noise source where the concept is checked.
struct DenoiserArchetype {
  at::Tensor operator()(const at::Tensor& x, double sigma, const StepContext& step);
};
struct NoiseArchetype {
  at::Tensor Initial(at::IntArrayRef sizes);
  at::Tensor Like(const at::Tensor& x);
};

}  // namespace internal

// - s.Step(d, x, step, noise) takes x [B,C,h,w] at step.sigma to step.sigma_next.
// - Its first evaluation of d is at x (or x with churn) and sigma >= step.sigma; it never evaluates
//   at sigma 0, passes on `step` unchanged, and returns D itself where sigma_next is 0 and no
//   history is kept.
// - It evaluates d s.evaluations() times in a step that doesn't end at 0.
// - Arithmetic in x's dtype with float64 coefficients of the host: no tensor is read back, so no
//   step waits for the device. x and d's results are left as they are; the result is
//   differentiable in both.
// - It draws from `noise` only what it adds, nothing in a whole run where s.draws_noise() is false.
// - s.Reset() forgets the history of a multistep method; a copy goes on independently. An object
//   serves one run at a time.
template <class S, class D = internal::DenoiserArchetype, class N = internal::NoiseArchetype>
concept Sampler = Denoiser<D> && NoiseSource<N> && std::copyable<S> &&
                  requires(S& s, D& d, const at::Tensor& x, const StepContext& step, N& noise) {
                    { s.Step(d, x, step, noise) } -> std::same_as<at::Tensor>;
                    { s.Reset() } -> std::same_as<void>;
                    { std::as_const(s).draws_noise() } -> std::same_as<bool>;
                    { std::as_const(s).evaluations() } -> std::same_as<int>;
                  };

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_SAMPLER_H_
