// Tests of new adapters: targets, shapes, distribution, seeds.
#include "draftp/train/lora_init.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "draftp/model/unet_fixture.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsEqualTo;
using testing::Value;

LoraAdapter Tiny(const LoraInitOptions& options) {
  return Value(InitLora(testing::TinyUNet(at::kFloat), options));
}

TEST(InitLora, CarriesTheTargetsOfItsName) {
  // 17 transformer blocks of two attentions, by the config of the embedded model.
  const size_t attention = Tiny({.rank = 4}).layers.size();
  EXPECT_EQ(attention % 8, 0u);
  const size_t blocks = attention / 8;
  EXPECT_EQ(Tiny({.rank = 4, .target_modules = {"sdlora"}}).layers.size(), blocks * 10);
  EXPECT_EQ(Tiny({.rank = 4, .target_modules = {"attn2.to_q"}}).layers.size(), blocks);
}

TEST(InitLora, StartsFromXavierNormalAndZero) {
  const LoraAdapter adapter = Tiny({.rank = 8, .alpha = 4});
  double sum = 0, squares = 0, count = 0;
  for (const auto& [path, layer] : adapter.layers) {
    EXPECT_EQ(layer.scale, 0.5);
    EXPECT_EQ(layer.b.abs().max().item<float>(), 0.0f);
    const double variance = 2.0 / static_cast<double>(layer.a.size(0) + layer.a.size(1));
    const at::Tensor unit = layer.a.to(at::kDouble) / std::sqrt(variance);
    sum += unit.sum().item<double>();
    squares += unit.square().sum().item<double>();
    count += static_cast<double>(unit.numel());
  }
  // Five standard errors: a false alarm in 2e6 seeds, which is fixed anyway.
  EXPECT_NEAR(sum / count, 0.0, 5 / std::sqrt(count));
  EXPECT_NEAR(squares / count, 1.0, 5 * std::sqrt(2 / count));
}

TEST(InitLora, DrawsALayerBySeedAndPathAlone) {
  const LoraAdapter all = Tiny({.rank = 4, .seed = 1}),
                    few = Tiny({.rank = 4, .target_modules = {"to_v"}, .seed = 1});
  for (const auto& [path, layer] : few.layers)
    EXPECT_THAT(all.layers.at(path).a, IsEqualTo(layer.a));
  const auto& [path, layer] = *few.layers.begin();
  EXPECT_FALSE(at::equal(layer.a, Tiny({.rank = 4, .seed = 2}).layers.at(path).a));
  EXPECT_FALSE(at::equal(layer.a, std::next(few.layers.begin())->second.a));
}

TEST(InitLora, NamesATargetThatNoLayerHas) {
  const auto adapter =
      InitLora(testing::TinyUNet(at::kFloat), {.rank = 4, .target_modules = {"to_q", "to_x"}});
  EXPECT_THAT(std::string(adapter.status().message()),
              ::testing::HasSubstr("--target_modules: found \"to_x\""));
}

}  // namespace
}  // namespace draftp
