// The concept GradientSink: what stands between the backward pass and the optimiser. The sum is its
// plainest member.
#ifndef DRAFTP_OBJECTIVE_GRADIENT_SINK_H_
#define DRAFTP_OBJECTIVE_GRADIENT_SINK_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include <concepts>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace draftp {

// Receives the gradients of a micro batch's loss by the parameters that a step trains.
// - s.Add(first, gradients): of parameters first, first + 1, ...; undefined: zero. The sink owns
//   the tensors from then on. Ranges of one micro batch don't overlap, and come in any order; what
//   never comes is zero.
// - s.Finish(): that was all of this micro batch; the next Add is the next one's.
// Called from one thread at a time. An optimiser is a sink that sums; a sharding policy is one that
// reduces a range over ranks while the next is still being computed.
template <class S>
concept GradientSink = requires(S& s, std::size_t first, std::vector<at::Tensor> gradients) {
  { s.Add(first, std::move(gradients)) } -> std::same_as<void>;
  { s.Finish() } -> std::same_as<void>;
};

// Sums micro batches by parameter.
class GradientSum {
 public:
  void Add(std::size_t first, std::vector<at::Tensor> gradients) {
    const at::NoGradGuard no_grad;
    if (sums_.size() < first + gradients.size()) sums_.resize(first + gradients.size());
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      at::Tensor& sum = sums_[first + i];
      if (gradients[i].defined()) sum = sum.defined() ? sum + gradients[i] : gradients[i];
    }
  }
  void Finish() {}

  // The sums, undefined where nothing came; the next ones begin at zero.
  std::vector<at::Tensor> Take() { return std::exchange(sums_, {}); }

 private:
  std::vector<at::Tensor> sums_;
};

static_assert(GradientSink<GradientSum>, "GradientSum does not satisfy GradientSink");

// A sink by reference, for code that is compiled once. The sink must outlive it.
class GradientSinkRef {
 public:
  template <class S>
  requires(!std::same_as<S, GradientSinkRef> && GradientSink<S>)
  GradientSinkRef(S& sink)  // NOLINT: stands for the sink wherever one is wanted
      : add_([&sink](std::size_t first, std::vector<at::Tensor> gradients) {
          sink.Add(first, std::move(gradients));
        }),
        finish_([&sink] { sink.Finish(); }) {}

  void Add(std::size_t first, std::vector<at::Tensor> gradients) {
    add_(first, std::move(gradients));
  }
  void Finish() { finish_(); }

 private:
  std::function<void(std::size_t, std::vector<at::Tensor>)> add_;
  std::function<void()> finish_;
};

static_assert(GradientSink<GradientSinkRef>, "GradientSinkRef does not satisfy GradientSink");

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_GRADIENT_SINK_H_
