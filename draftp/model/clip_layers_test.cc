#include "draftp/model/clip_layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsCloseTo;
using testing::RelativeError;

const at::Tensor& Points() {
  static const at::Tensor points = at::linspace(-5, 5, 41, at::kDouble);
  return points;
}

at::Tensor Mapped(double (*f)(double)) {
  at::Tensor values = Points().clone();
  for (int64_t i = 0; i < values.numel(); ++i) values[i] = f(Points()[i].item<double>());
  return values;
}

TEST(ClipLayersTest, ActivationsEqualTheirFormulas) {
  EXPECT_THAT(Activate(Points(), ClipActivation::kQuickGelu),
              IsCloseTo(Mapped([](double x) { return x / (1 + std::exp(-1.702 * x)); }), 1e-14));
  EXPECT_THAT(
      Activate(Points(), ClipActivation::kGelu),
      IsCloseTo(Mapped([](double x) { return x / 2 * std::erfc(-x / std::sqrt(2)); }), 1e-14));
  EXPECT_THAT(Activate(Points(), ClipActivation::kGeluTanh),
              IsCloseTo(Mapped([](double x) {
                          return x / 2 *
                                 (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
                        }),
                        1e-14));
}

TEST(ClipLayersTest, KnowsTransformersNamesOfActivations) {
  EXPECT_EQ(ParseClipActivation("gelu_new"), ClipActivation::kGeluTanh);
  EXPECT_EQ(ParseClipActivation("gelu"), ClipActivation::kGelu);
  EXPECT_EQ(ParseClipActivation("quick_gelu"), ClipActivation::kQuickGelu);
  EXPECT_EQ(ParseClipActivation("GELU"), std::nullopt);
}

TEST(ClipLayersTest, VisitsEachOfSixteenTensorsOnce) {
  ClipLayer layer = ClipLayerSkeleton({.hidden_size = 8,
                                       .intermediate_size = 12,
                                       .num_heads = 2,
                                       .activation = ClipActivation::kGelu,
                                       .layer_norm_eps = 1e-5,
                                       .causal = true});
  std::vector<std::string> names;
  VisitWeights("l", layer, [&names](const std::string& name, auto& weights) {
    EXPECT_TRUE(weights.weight.is_meta() && weights.bias.is_meta()) << name;
    names.push_back(name);
  });
  EXPECT_THAT(names,
              ::testing::ElementsAre("l.layer_norm1", "l.self_attn.q_proj", "l.self_attn.k_proj",
                                     "l.self_attn.v_proj", "l.self_attn.out_proj", "l.layer_norm2",
                                     "l.mlp.fc1", "l.mlp.fc2"));
}

// With zero value and second perceptron weights both branches vanish, and the layer is the
// identity.
TEST(ClipLayersTest, BranchesAddToTheInput) {
  const ClipLayerConfig config = {.hidden_size = 8,
                                  .intermediate_size = 12,
                                  .num_heads = 2,
                                  .activation = ClipActivation::kGelu,
                                  .layer_norm_eps = 1e-5,
                                  .causal = false};
  ClipLayer layer = ClipLayerSkeleton(config);
  VisitWeights("", layer, [](const std::string& name, auto& weights) {
    weights.weight = at::ones(weights.weight.sizes(), at::kDouble);
    weights.bias = at::ones(weights.bias.sizes(), at::kDouble);
    if (!name.ends_with("out_proj") && !name.ends_with("fc2")) return;
    weights.weight.zero_();
    weights.bias.zero_();
  });
  const at::Tensor x = Points().narrow(0, 0, 40).view({1, 5, 8});
  EXPECT_THAT(RunClipLayer(x, layer, config), IsCloseTo(x, 1e-15));
  layer.fc2.bias += 1;
  EXPECT_THAT(RunClipLayer(x, layer, config), IsCloseTo(x + 1, 1e-15));
}

}  // namespace
}  // namespace draftp
