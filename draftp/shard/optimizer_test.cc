// Tests of AdamW against its published formula, and of what it saves.
#include "draftp/shard/optimizer.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsCloseTo;
using testing::IsEqualTo;

at::Tensor Random(uint64_t seed, at::ScalarType dtype = at::kDouble) {
  return at::randn({3, 2}, at::detail::createCPUGenerator(seed), dtype);
}

Parameters Two(at::ScalarType dtype = at::kDouble) {
  Parameters parameters;
  for (const uint64_t i : {0, 1}) {
    const at::Tensor value = Random(i, dtype).requires_grad_();
    parameters.push_back({i == 0 ? "a" : "b", value, value});
  }
  return parameters;
}

TEST(Optimizer, IsAdamWWithDecoupledDecay) {
  const OptimizerOptions options{.weight_decay = 0.1, .gradient_clip_val = 0};
  const Parameters parameters = Two();
  at::Tensor w = parameters[0].value.detach().clone(), m = at::zeros({3, 2}, at::kDouble), v = m;
  Optimizer optimizer(parameters, options);
  for (int step = 1; step <= 3; ++step) {
    const at::Tensor g = Random(10 + step);
    optimizer.Add(0, {g.clone(), Random(20)});
    optimizer.Step(0.01, optimizer.GradientNorm());
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    const at::Tensor m_hat = m / (1 - std::pow(0.9, step)), v_hat = v / (1 - std::pow(0.999, step));
    w = w - 0.01 * 0.1 * w - 0.01 * m_hat / (v_hat.sqrt() + 1e-8);
  }
  EXPECT_THAT(parameters[0].value, IsCloseTo(w, 1e-12));
}

TEST(Optimizer, AddsGradientsAndTakesUndefinedOnesForZero) {
  Optimizer optimizer(Two(), {});
  optimizer.Add(0, {Random(3), {}});
  optimizer.Add(0, {Random(4), Random(5)});
  const double expected = std::sqrt((Random(3) + Random(4)).square().sum().item<double>() +
                                    Random(5).square().sum().item<double>());
  EXPECT_NEAR(optimizer.GradientNorm().item<double>(), expected, 1e-12);
}

TEST(Optimizer, AGradientOfAnotherMemoryFormatGoesToItsElements) {
  const at::Tensor plain = at::randn({2, 3, 2, 2}, at::detail::createCPUGenerator(3), at::kDouble);
  const at::Tensor gradient =
      at::randn({2, 3, 2, 2}, at::detail::createCPUGenerator(4), at::kDouble);
  std::vector<at::Tensor> ends;
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const at::Tensor value = plain.clone(format).requires_grad_();
    Optimizer optimizer({{"image", value, value}}, {});
    optimizer.Add(0, {gradient});
    optimizer.Step(0.1, optimizer.GradientNorm());
    ends.push_back(value.detach());
  }
  EXPECT_THAT(ends[1], IsEqualTo(ends[0]));
}

TEST(Optimizer, ClippingKeepsTheDirection) {
  const Parameters clipped = Two(), scaled = Two();
  Optimizer first(clipped, {.gradient_clip_val = 0.5}), second(scaled, {.gradient_clip_val = 0});
  first.Add(0, {Random(3), Random(4)});
  const at::Tensor norm = first.GradientNorm();
  const double factor = 0.5 / (norm.item<double>() + 1e-6);
  second.Add(0, {Random(3) * factor, Random(4) * factor});
  first.Step(0.1, norm);
  second.Step(0.1, norm);
  EXPECT_THAT(clipped[1].value, IsCloseTo(scaled[1].value, 1e-12));
}

TEST(Optimizer, UpdatesFloat32ValuesBehindLeavesOfLessPrecision) {
  const at::Tensor value = Random(1, at::kFloat);
  Parameters parameters = {{"a", value, value.to(at::kBFloat16).requires_grad_()}};
  Optimizer optimizer(parameters, {.gradient_clip_val = 0});
  const at::Tensor before = value.clone();
  optimizer.Add(0, {at::ones({3, 2}, at::kBFloat16)});
  optimizer.Step(1e-5, optimizer.GradientNorm());  // too little for bfloat16
  EXPECT_THAT(value, IsCloseTo(before - 1e-5f, 1e-7));
  EXPECT_THAT(parameters[0].leaf, IsEqualTo(value.to(at::kBFloat16)));
}

TEST(Optimizer, GoesOnFromItsStateBitForBit) {
  const OptimizerOptions options{.weight_decay = 0.1, .ema_decay = 0.9};
  const Parameters first = Two(at::kFloat), second = Two(at::kFloat);
  Optimizer whole(first, options), resumed(second, options);
  const auto step = [](Optimizer& optimizer, uint64_t seed) {
    optimizer.Add(0, {Random(seed, at::kFloat), Random(seed + 1, at::kFloat)});
    optimizer.Step(0.1, optimizer.GradientNorm());
  };
  step(whole, 5);
  for (size_t i = 0; i < first.size(); ++i) second[i].value.detach().copy_(first[i].value.detach());
  ASSERT_TRUE(resumed.Restore(whole.State(), whole.steps()).ok());
  step(whole, 8);
  step(resumed, 8);
  EXPECT_THAT(second[0].value, IsEqualTo(first[0].value));
  EXPECT_THAT(resumed.State().at("b.ema"), IsEqualTo(whole.State().at("b.ema")));
}

TEST(Optimizer, RefusesAStateOfOtherTensors) {
  Optimizer optimizer(Two(), {});
  auto state = optimizer.State();
  state["a.exp_avg"] = at::zeros({2, 3}, at::kDouble);
  EXPECT_THAT(std::string(optimizer.Restore(state, 1).message()),
              ::testing::HasSubstr("a.exp_avg: found Double [2,3], expected Double [3,2]"));
  state.erase("a.exp_avg");
  EXPECT_FALSE(optimizer.Restore(state, 1).ok());
  state = optimizer.State();
  state["c.exp_avg"] = at::zeros({1});
  EXPECT_FALSE(optimizer.Restore(state, 1).ok());
}

}  // namespace
}  // namespace draftp
