#include "draftp/adapter/layer_change.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;
using testing::IsCloseTo;
using enum AdapterRole;

const SafetensorsFile& Algebra() {
  static const auto* const file = new std::shared_ptr<const SafetensorsFile>(
      SafetensorsFile::Open("testdata/goldens/adapter_algebra.safetensors").value());
  return **file;
}

at::Tensor AlgebraOf(const std::string& name) { return Algebra().Tensor(name).value(); }

// The golden's layer `name`, with alpha as its reader would count it.
LayerChange ChangeOf(const std::string& name) {
  LayerChange change;
  for (const std::string& key : Algebra().names()) {
    if (!key.starts_with(name + ".")) continue;
    const auto split = SplitAdapterKey(key);
    if (split->role != kAlpha) change.items[split->role] = {AlgebraOf(key), key};
  }
  if (const auto rank = RankOf(change))
    change.scale = AlgebraOf(name + ".alpha").item<double>() / static_cast<double>(*rank);
  return change;
}

class LayerChangeTest : public ::testing::TestWithParam<const char*> {};

TEST_P(LayerChangeTest, WeightEqualsLycoris) {
  const std::string name = GetParam();
  const auto changed = ChangedWeight(ChangeOf(name), AlgebraOf(name + "/weight"));
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_THAT(*changed, IsCloseTo(AlgebraOf(name + "/expected"), 2e-6));
}

TEST_P(LayerChangeTest, StrengthIsHowFarFromTheWeight) {
  const std::string name = GetParam();
  const LayerChange change = ChangeOf(name);
  const at::Tensor weight = AlgebraOf(name + "/weight"), all = AlgebraOf(name + "/expected");
  EXPECT_THAT(*ChangedWeight(change, weight, 0.0), IsCloseTo(weight, 1e-6));
  EXPECT_THAT(*ChangedWeight(change, weight, -0.5), IsCloseTo(weight - 0.5 * (all - weight), 2e-6));
}

// A layer of another shape is named, whatever the kind.
TEST_P(LayerChangeTest, AnotherShapeIsNamed) {
  const std::string name = GetParam();
  const at::Tensor weight = AlgebraOf(name + "/weight");
  auto sizes = weight.sizes().vec();
  sizes[0] += 1;
  EXPECT_THAT(ChangedWeight(ChangeOf(name), at::zeros(sizes)).status().ToString(),
              AllOf(HasSubstr(name + "."), HasSubstr("expected")));
  sizes = weight.sizes().vec();
  sizes[1] += 1;
  EXPECT_THAT(ChangedWeight(ChangeOf(name), at::zeros(sizes)).status().ToString(),
              AllOf(HasSubstr(name + "."), HasSubstr("expected")));
}

INSTANTIATE_TEST_SUITE_P(Kinds, LayerChangeTest,
                         ::testing::Values("lora", "lora_conv", "tucker", "loha", "loha_tucker",
                                           "lokr_whole", "lokr", "lokr_both", "lokr_conv",
                                           "lokr_tucker", "diff", "dora_outputs", "dora_inputs",
                                           "dora_conv"));

TEST(LayerChange, ComfysNormIsTheBaseWeights) {
  for (const std::string name : {"dora_outputs", "dora_conv"}) {
    LayerChange change = ChangeOf(name);
    change.norm = DoraNorm::kBase;
    EXPECT_THAT(*ChangedWeight(change, AlgebraOf(name + "/weight")),
                IsCloseTo(AlgebraOf(name + "/base_norm"), 5e-6));
  }
}

TEST(LayerChange, PeftsMagnitudeIsOfOutputs) {
  LayerChange change = ChangeOf("dora_outputs");
  change.items[kMagnitude] = {change.at(kMagnitude).flatten(), "x.lora_magnitude_vector"};
  EXPECT_THAT(*ChangedWeight(change, AlgebraOf("dora_outputs/weight")),
              IsCloseTo(AlgebraOf("dora_outputs/expected"), 2e-6));
}

TEST(LayerChange, ABfloat16WeightIsChangedInFloat32) {
  const at::Tensor weight = AlgebraOf("lora/weight").to(at::kBFloat16);
  const auto changed = ChangedWeight(ChangeOf("lora"), weight);
  EXPECT_EQ(changed->scalar_type(), at::kFloat);
  const at::Tensor delta = AlgebraOf("lora/expected") - AlgebraOf("lora/weight");
  EXPECT_THAT(*changed, IsCloseTo(weight.to(at::kFloat) + delta, 2e-6));
}

TEST(LayerChange, BiasChangesWithOrWithoutABias) {
  LayerChange change;
  change.items[kDiffOfBias] = {at::ones({3}), "x.diff_b"};
  const at::Tensor weight = at::zeros({3, 2});
  EXPECT_THAT(*ChangedBias(change, at::ones({3}), weight, 0.5), IsCloseTo(1.5 * at::ones({3}), 0));
  EXPECT_THAT(*ChangedBias(change, {}, weight, 0.5), IsCloseTo(0.5 * at::ones({3}), 0));
  EXPECT_THAT(ChangedBias(change, {}, at::zeros({4, 2})).status().ToString(),
              HasSubstr("x.diff_b: is [3], expected [4]"));
}

TEST(LayerChange, HalvesAndMixturesOfKindsAreNamed) {
  const auto without = [](const std::string& name, AdapterRole role) {
    LayerChange change = ChangeOf(name);
    change.items.erase(role);
    return CheckComplete(change).ToString();
  };
  EXPECT_THAT(without("lora", kUp), HasSubstr("lora.lora_down.weight: comes without lora_B"));
  EXPECT_THAT(without("loha", kHadaW2A), HasSubstr("comes without hada_w2_a"));
  EXPECT_THAT(without("loha_tucker", kHadaT2), HasSubstr("comes without hada_t2"));
  EXPECT_THAT(without("lokr", kLokrW1), HasSubstr("comes without lokr_w1"));
  EXPECT_THAT(without("lokr", kLokrW2B), HasSubstr("comes without lokr_w2_b"));
  EXPECT_TRUE(CheckComplete(ChangeOf("lokr_both")).ok());
  LayerChange both = ChangeOf("lora");
  both.items.merge(ChangeOf("diff").items);
  EXPECT_THAT(CheckComplete(both).ToString(), HasSubstr("another kind"));
}

}  // namespace
}  // namespace draftp
