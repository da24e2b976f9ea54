#include "draftp/sampling/recompute.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tanh.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <string>
#include <vector>

#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsEqualTo;

at::Tensor Wave(double phase) {
  return (at::linspace(0, 5, 16, at::kDouble) + phase).sin().view({4, 4});
}
at::Tensor Variable(double phase) { return Wave(phase).requires_grad_(); }

// Two layers with a product, so that its backward needs what was dropped.
at::Tensor Layers(const at::Tensor& x, const at::Tensor& w) {
  return at::tanh(at::matmul(x, w)) * x;
}

struct Gradients {
  at::Tensor output, x, w;
};

Gradients Backpropagate(bool recompute, int pieces) {
  const at::Tensor x = Variable(0), w = Variable(1);
  at::Tensor y = x * 1.0;
  for (int i = 0; i < pieces; ++i) {
    y = recompute ? Recompute([w](at::TensorList in) { return Layers(in[0], w); }, {y}, {w})
                  : Layers(y, w);
  }
  (y * Wave(2)).sum().backward();
  return {.output = y.detach(), .x = x.grad(), .w = w.grad()};
}

TEST(RecomputeTest, GradientsEqualThePlainOnesBitForBit) {
  for (const int pieces : {1, 3}) {
    const Gradients plain = Backpropagate(false, pieces), recomputed = Backpropagate(true, pieces);
    EXPECT_THAT(recomputed.output, IsEqualTo(plain.output));
    EXPECT_THAT(recomputed.x, IsEqualTo(plain.x));
    EXPECT_THAT(recomputed.w, IsEqualTo(plain.w));
  }
}

TEST(RecomputeTest, GivesGradientsToGradAsToBackward) {
  const at::Tensor x = Variable(0), w = Variable(1);
  const at::Tensor y =
      Recompute([w](at::TensorList in) { return Layers(in[0], w); }, {x * 1.0}, {w});
  const auto gradients = torch::autograd::grad({(y * Wave(2)).sum()}, {x, w});
  const Gradients plain = Backpropagate(false, 1);
  EXPECT_THAT(gradients[0], IsEqualTo(plain.x));
  EXPECT_THAT(gradients[1], IsEqualTo(plain.w));
  EXPECT_FALSE(w.grad().defined());
}

TEST(RecomputeTest, DoesNotCountAnInputTwiceThatIsComputedFromAnother) {
  const at::Tensor time = Variable(0);
  const at::Tensor x = time * time;
  const at::Tensor y = Recompute([](at::TensorList in) { return in[0] * in[1]; }, {x, time});
  y.sum().backward();
  EXPECT_THAT(time.grad(), testing::IsCloseTo(3 * Wave(0) * Wave(0), 1e-15));
}

TEST(RecomputeTest, RunsOnceForwardAndOnceBackward) {
  int runs = 0;
  const at::Tensor x = Variable(0);
  const at::Tensor y = Recompute([&runs](at::TensorList in) { return ++runs, in[0] * in[0]; }, {x});
  EXPECT_EQ(runs, 1);
  y.sum().backward();
  EXPECT_EQ(runs, 2);
}

// Layers have other kernels for inference (cpu::Serves), of other roundings.
TEST(RecomputeTest, RecordsGradientsInBothRuns) {
  std::vector<bool> recorded;
  const at::Tensor x = Variable(0);
  const at::Tensor y = Recompute(
      [&recorded](at::TensorList in) {
        recorded.push_back(at::GradMode::is_enabled());
        return in[0] * in[0];
      },
      {x});
  y.sum().backward();
  EXPECT_EQ(recorded, (std::vector<bool>{true, true}));
}

TEST(RecomputeTest, RunsPlainlyWithoutGradient) {
  int runs = 0;
  const auto f = [&runs](at::TensorList in) { return ++runs, in[0] * 2; };
  EXPECT_FALSE(Recompute(f, {Wave(0)}).requires_grad());
  const at::NoGradGuard no_grad;
  EXPECT_FALSE(Recompute(f, {Variable(0)}).requires_grad());
  EXPECT_EQ(runs, 2);
}

TEST(RecomputeTest, HandsUndefinedInputsThrough) {
  const at::Tensor x = Variable(0);
  const at::Tensor y = Recompute(
      [](at::TensorList in) { return in[1].defined() ? in[0] : in[0] * 3; }, {x, at::Tensor()});
  y.sum().backward();
  EXPECT_THAT(x.grad(), IsEqualTo(3 * at::ones({4, 4}, at::kDouble)));
}

TEST(RecomputeTest, KeepsNoIntermediateTensorAlive) {
  at::Tensor intermediate;
  const at::Tensor x = Variable(0);
  const at::Tensor y = Recompute(
      [&intermediate](at::TensorList in) {
        intermediate = at::tanh(in[0]);
        return intermediate * intermediate;
      },
      {x});
  EXPECT_EQ(intermediate.use_count(), 1u);  // with plain autograd the graph of y would hold it too
}

// Pieces whose weight's gradients are taken as they come, with the graph kept or run again.
TEST(RunApartTest, TakenGradientsComePieceByPieceAndAreThePlainOnes) {
  for (const bool recompute : {false, true}) {
    const at::Tensor x = Variable(0);
    std::vector<at::Tensor> weights = {Variable(1), Variable(2)}, plain_weights;
    std::vector<int> order;
    std::vector<at::Tensor> taken(2);
    std::string before;
    at::Tensor y = x * 1.0, plain = x * 1.0;
    for (int i = 0; i < 2; ++i) {
      const at::Tensor w = weights[i];
      y = RunApart([w](at::TensorList in) { return Layers(in[0], w); }, {y}, {},
                   {.recompute = recompute,
                    .before = [&before](bool backward) { before += backward ? "b" : "f"; },
                    .taken = {w},
                    .take =
                        [&, i](std::vector<at::Tensor> gradients) {
                          ASSERT_EQ(gradients.size(), 1u);
                          order.push_back(i);
                          taken[i] = gradients[0];
                        }});
      plain = Layers(plain, w);
    }
    const auto gradients = torch::autograd::grad({(y * Wave(2)).sum()}, {x, weights[0]}, {}, false,
                                                 false, /*allow_unused=*/true);
    const auto expected =
        torch::autograd::grad({(plain * Wave(2)).sum()}, {x, weights[0], weights[1]});
    EXPECT_THAT(y, IsEqualTo(plain));
    EXPECT_THAT(gradients[0], IsEqualTo(expected[0]));
    EXPECT_FALSE(gradients[1].defined());
    EXPECT_THAT(taken[0], IsEqualTo(expected[1]));
    EXPECT_THAT(taken[1], IsEqualTo(expected[2]));
    EXPECT_EQ(order, (std::vector<int>{1, 0}));
    EXPECT_EQ(before, "ffbb");
  }
}

TEST(RunApartTest, TakenGradientsComeWhereNothingElseNeedsThem) {
  const at::Tensor w = Variable(1);
  at::Tensor taken;
  const at::Tensor y =
      RunApart([w](at::TensorList in) { return Layers(in[0], w); }, {Wave(0)}, {},
               {.taken = {w}, .take = [&](std::vector<at::Tensor> g) { taken = g[0]; }});
  torch::autograd::grad({y.sum()}, {w}, {}, false, false, /*allow_unused=*/true);
  EXPECT_THAT(taken, IsEqualTo(torch::autograd::grad({Layers(Wave(0), w).sum()}, {w})[0]));
}

TEST(RunApartTest, KeptGraphsRunOnce) {
  int runs = 0;
  const at::Tensor x = Variable(0);
  const at::Tensor y = RunApart(
      [&runs](at::TensorList in) {
        ++runs;
        return in[0] * in[0];
      },
      {x}, {}, {.recompute = false});
  EXPECT_THAT(torch::autograd::grad({y.sum()}, {x})[0], IsEqualTo((2 * x).detach()));
  EXPECT_EQ(runs, 1);
}

TEST(RecomputeTest, NoticesAnInputThatWasOverwrittenInBetween) {
  const at::Tensor x = Variable(0) * 1.0;
  const at::Tensor y = Recompute([](at::TensorList in) { return in[0] * in[0]; }, {x});
  {
    const at::NoGradGuard no_grad;
    at::Tensor(x).mul_(2);
  }
  EXPECT_THROW(y.sum().backward(), c10::Error);
}

}  // namespace
}  // namespace draftp
