// Compares autograd's gradient with finite differences: how every differentiable piece is tested.
#ifndef DRAFTP_TESTING_GRADIENT_CHECK_H_
#define DRAFTP_TESTING_GRADIENT_CHECK_H_

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/dot.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/autograd.h>

#include <concepts>
#include <cstdint>

#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {

struct GradientCheckOptions {
  // Step of the central difference. Its error is about step^2 |f'''|/6 from the curve and 1e-16
  // |f|/step from rounding: for f and x of unit scale 1e-10 or so, which leaves 1e-7 as a
  // comfortable tolerance.
  double step = 1e-5;
  // 0: every coordinate of x, two evaluations each. k: k random unit directions, for large x.
  int directions = 0;
};

// The gradient of sum(v * f(x)) for one fixed random v, by autograd. Zeros where f doesn't depend
// on x.
template <std::invocable<const at::Tensor&> F>
at::Tensor AutogradGradient(F&& f, const at::Tensor& x) {
  const at::Tensor leaf = x.detach().clone().requires_grad_();
  const at::Tensor out = f(leaf);
  if (!out.requires_grad()) return at::zeros_like(x);
  const at::Tensor cotangent =
      at::randn(out.sizes(), at::detail::createCPUGenerator(0), out.options());
  const at::Tensor gradient =
      torch::autograd::grad({out}, {leaf}, {cotangent}, /*retain_graph=*/false,
                            /*create_graph=*/false, /*allow_unused=*/true)[0];
  return gradient.defined() ? gradient : at::zeros_like(x);
}

// The derivatives of the same sum along the rows of `directions` [k, x.numel()], by central
// differences -> [k].
template <std::invocable<const at::Tensor&> F>
at::Tensor DifferenceQuotients(F&& f, const at::Tensor& x, const at::Tensor& directions,
                               double step) {
  const at::NoGradGuard no_grad;
  at::Tensor quotients = at::empty({directions.size(0)}, at::kDouble);
  for (int64_t k = 0; k < directions.size(0); ++k) {
    const at::Tensor offset = (directions[k] * step).view(x.sizes());
    const at::Tensor difference = (f(x.detach() + offset) - f(x.detach() - offset)).contiguous();
    const at::Tensor cotangent =
        at::randn(difference.sizes(), at::detail::createCPUGenerator(0), difference.options());
    quotients[k] = at::dot(difference.view(-1), cotangent.view(-1)) / (2.0 * step);
  }
  return quotients;
}

// RelativeError of autograd's gradient of f at x against finite differences; x float64 on the CPU,
// f a smooth, repeatable function to a float64 tensor of any shape. What f holds constant on
// purpose (a stopped gradient) counts as an error here, since the differences see it move.
//   EXPECT_LT(GradientError([](const at::Tensor& x) { return x.tanh(); }, x), 1e-7);
template <std::invocable<const at::Tensor&> F>
double GradientError(F&& f, const at::Tensor& x, const GradientCheckOptions& options = {}) {
  TORCH_CHECK(x.scalar_type() == at::kDouble && x.is_cpu(),
              "finite differences need float64 on the CPU");
  at::Tensor directions = at::eye(x.numel(), x.options());
  if (options.directions > 0) {
    directions =
        at::randn({options.directions, x.numel()}, at::detail::createCPUGenerator(1), x.options());
    directions =
        directions / at::linalg_vector_norm(directions, 2, at::IntArrayRef({1}), /*keepdim=*/true);
  }
  const at::Tensor gradient = AutogradGradient(f, x).contiguous().view(-1);
  return RelativeError(at::mv(directions, gradient),
                       DifferenceQuotients(f, x, directions, options.step));
}

}  // namespace draftp::testing

#endif  // DRAFTP_TESTING_GRADIENT_CHECK_H_
