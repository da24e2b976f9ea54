// The base model as the tuned one inside a guard: its values, after exceptions, and when pieces run
// again in the backward pass.
#include "draftp/objective/without_adapters.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <stdexcept>

#include "draftp/objective/gaussian_kl.h"
#include "draftp/sampling/piece_policy.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsCloseTo;
using testing::IsEqualTo;

// A network of one piece, tanh((w + delta) x) with an adapter's delta where it is in effect, that
// reads the switch at the start of a call and carries what it read.
struct AdaptedNetwork {
  at::Tensor delta;
  AdapterSwitch* adapters;
  AnyPiecePolicy pieces = {};
  bool fails = false;

  at::Tensor operator()(const at::Tensor& x, double /*sigma*/, const StepContext&) {
    if (fails) throw std::runtime_error("the network failed");
    const AdapterRows rows = adapters->rows();
    return pieces(
        [delta = delta, rows](at::TensorList in) {
          return (rows.empty() ? in[0] * 0.7 : in[0] * (0.7 + delta)).tanh();
        },
        {x}, [this] { return std::vector<at::Tensor>{delta}; });
  }
};

at::Tensor State() { return at::arange(1, 5, at::kDouble) / 3; }
at::Tensor Delta() { return (at::arange(4, at::kDouble) * 0.1 + 0.2).requires_grad_(); }
const StepContext kOnly{0, 1, 2.0, 0.0};

TEST(WithoutAdapters, IsTheNetworkWithoutItsAdapter) {
  AdapterSwitch adapters(OnAllRows(0));
  AdaptedNetwork tuned{Delta(), &adapters};
  WithoutAdapters base(tuned, adapters);
  EXPECT_THAT(base(State(), 2.0, kOnly), IsEqualTo((State() * 0.7).tanh()));
  EXPECT_THAT(tuned(State(), 2.0, kOnly).detach(),
              IsEqualTo((State() * (0.7 + Delta().detach())).tanh()));
}

TEST(WithoutAdapters, PutsTheAdaptersBackWhenTheNetworkThrows) {
  AdapterSwitch adapters(OnAllRows(0, 0.5));
  AdaptedNetwork tuned{Delta(), &adapters};
  WithoutAdapters base(tuned, adapters);
  tuned.fails = true;
  EXPECT_THROW(base(State(), 2.0, kOnly), std::runtime_error);
  EXPECT_EQ(adapters.rows(), OnAllRows(0, 0.5));
}

// Both models' pieces run again when nobody is in the guard any more, or when somebody is: each has
// the adapters of its own call.
TEST(WithoutAdapters, RecomputedPiecesKeepTheAdaptersOfTheirCall) {
  AdapterSwitch adapters(OnAllRows(0));
  const auto gradients = [&](const AnyPiecePolicy& pieces, bool backward_in_guard) {
    AdaptedNetwork tuned{Delta(), &adapters, pieces};
    WithoutAdapters base(tuned, adapters);
    const at::Tensor x = State().requires_grad_();
    const at::Tensor loss = (tuned(x, 2.0, kOnly) - 3 * base(x, 2.0, kOnly)).square().sum();
    if (!backward_in_guard) return torch::autograd::grad({loss}, {x, tuned.delta});
    const AdapterGuard guard(adapters);
    return torch::autograd::grad({loss}, {x, tuned.delta});
  };
  const auto plain = gradients(RunPieces(), false);
  for (const bool in_guard : {false, true}) {
    const auto recomputed = gradients(RecomputePieces(), in_guard);
    EXPECT_THAT(recomputed[0], IsEqualTo(plain[0]));
    EXPECT_THAT(recomputed[1], IsEqualTo(plain[1]));
  }
}

// As the KL's base model: mean((D_tuned - D_base)^2) / sigma^2, its gradient through the tuned
// alone.
TEST(WithoutAdapters, IsTheBaseOfTheKl) {
  AdapterSwitch adapters(OnAllRows(0));
  AdaptedNetwork tuned{Delta(), &adapters, RecomputePieces()};
  WithoutAdapters base(tuned, adapters);
  GaussianKl kl(base);
  const at::Tensor x = State(), denoised = tuned(x, 2.0, kOnly);
  kl({x, 2.0, kOnly, 0, StepAction::kGradient, denoised});
  const auto difference = [&](const at::Tensor& delta) {
    return (((x * (0.7 + delta)).tanh() - (x * 0.7).tanh()) / 2.0).square().mean();
  };
  const at::Tensor delta = Delta();
  EXPECT_THAT(kl.Mean().detach(), IsCloseTo(difference(delta).detach(), 1e-14));
  EXPECT_THAT(torch::autograd::grad({kl.Mean()}, {tuned.delta})[0],
              IsCloseTo(torch::autograd::grad({difference(delta)}, {delta})[0], 1e-14));
}

}  // namespace
}  // namespace draftp
