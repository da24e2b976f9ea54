// The concept NoiseProcess: how an image and noise mix at a noise level. Variance exploding and
// rectified flow.
#ifndef DRAFTP_SAMPLING_NOISE_PROCESS_H_
#define DRAFTP_SAMPLING_NOISE_PROCESS_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>

#include <cmath>
#include <concepts>

namespace draftp {

// A run's noise levels l descend to 0; at level l the state is
//   x_l = alpha(l) image + l eps,   eps ~ N(0,1),
// where alpha(l) = 1 - c l for a constant c of the process. So the probability-flow ODE is
// dx/dl = (x - D)/l whatever the process is, with D(x; l) the estimate of the image, and a step of
// it at constant D is lerp(x, D, 1 - l_next/l); samplers ask the process only for what goes beyond.
// - p.alpha(level)    >= 0
// - p.level(relative) the level whose noise is `relative` times as strong as its image:
//                     l = relative alpha(l); for infinity, where alpha is 0
// - p.Initial(noise, level) the state that a run starts from, of noise ~ N(0,1)
template <class P>
concept NoiseProcess = std::copyable<P> && requires(const P& p, const at::Tensor& noise,
                                                    double level, double relative) {
  { p.alpha(level) } -> std::same_as<double>;
  { p.level(relative) } -> std::same_as<double>;
  { p.Initial(noise, level) } -> std::same_as<at::Tensor>;
};

// x = image + sigma eps: SDXL and its relatives as EDM writes them (arXiv 2206.00364, eq. 2).
struct VarianceExploding {
  double alpha(double /*level*/) const { return 1.0; }
  double level(double relative) const { return relative; }
  // noise sqrt(1 + sigma^2): images have about unit variance.
  at::Tensor Initial(const at::Tensor& noise, double level) const {
    return noise * std::sqrt(1.0 + level * level);
  }
};

// x = (1 - t) image + t eps, t in [0,1], t = 1 being noise alone: flow matching along straight
// lines (arXiv 2209.03003, 2210.02747; Stable Diffusion 3, Flux). A network that predicts the
// velocity v = eps - image gives D = x - t v.
struct RectifiedFlow {
  double alpha(double level) const { return 1.0 - level; }
  double level(double relative) const {
    return std::isinf(relative) ? 1.0 : relative / (1.0 + relative);
  }
  at::Tensor Initial(const at::Tensor& noise, double level) const {
    return level == 1.0 ? noise : noise * std::hypot(1.0 - level, level);
  }
};

static_assert(NoiseProcess<VarianceExploding>, "VarianceExploding is a NoiseProcess");
static_assert(NoiseProcess<RectifiedFlow>, "RectifiedFlow is a NoiseProcess");

// l / alpha(l), infinite where alpha is 0; its logarithm is minus half the log signal-to-noise
// ratio.
template <NoiseProcess P>
double RelativeLevel(const P& process, double level) {
  return level / process.alpha(level);
}

// An image [B,C,h,w] at noise level `level`.
template <NoiseProcess P>
at::Tensor Diffuse(const P& process, const at::Tensor& image, double level, const at::Tensor& eps) {
  const double alpha = process.alpha(level);
  return (alpha == 1.0 ? image : alpha * image) + level * eps;
}

// The state x at level `from`, which may be 0, with fresh noise eps on it so that it is one at
// level `to` >= from, alpha(to) > 0; `relative_added` is what that takes of noise, relative to the
// image: sqrt(relative(to)^2 - relative(from)^2), or a multiple.
template <NoiseProcess P>
at::Tensor Renoise(const P& process, const at::Tensor& x, double from, double to,
                   double relative_added, const at::Tensor& eps) {
  const double alpha = process.alpha(to), scale = alpha / process.alpha(from);
  return at::add(scale == 1.0 ? x : x * scale, eps, alpha * relative_added);
}

// What x - D is for variance exploding, level times the noise estimate: x - alpha(level) D.
template <NoiseProcess P>
at::Tensor NoisePart(const P& process, const at::Tensor& x, const at::Tensor& denoised,
                     double level) {
  const double alpha = process.alpha(level);
  return alpha == 1.0 ? x - denoised : x - alpha * denoised;
}

// The process that a sampler is for: its process(), or variance exploding if it has none.
template <class S>
auto ProcessOf(const S& sampler) {
  if constexpr (requires { sampler.process(); })
    return sampler.process();
  else
    return VarianceExploding();
}

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_NOISE_PROCESS_H_
