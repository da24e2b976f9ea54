// Models of the concept Blending, good and bad, and what AnyBlending tells of its member.
#include "draftp/sampling/blending.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "draftp/sampling/blendings.h"
#include "draftp/sampling/split_blendings.h"
#include "draftp/schedule/weighings.h"

namespace draftp::testing {
namespace {

struct GoodBlend {
  BlendStep At(const StepContext&) const { return {.parts = {{kBaseModel, 1.0}}}; }
  std::string name() const { return "good"; }
  int adapters() const { return 0; }
};
struct PartsAlone {
  std::vector<BlendPart> At(const StepContext&) const;
  std::string name() const;
  int adapters() const;
};
struct Nameless {
  BlendStep At(const StepContext&) const;
  int adapters() const;
};

TEST(BlendingTest, ConceptTellsAStepANameAndHowManyItIsOf) {
  static_assert(Blending<GoodBlend>);
  static_assert(!Blending<PartsAlone>);
  static_assert(!Blending<Nameless>);
  static_assert(!CombinesEstimates<GoodBlend> && !ScalesAdapters<GoodBlend>);
}

TEST(BlendingTest, AnyBlendingTellsWhatItsMemberIs) {
  const AnyBlending good = GoodBlend(), scaled = WeightsBlending({LinearWeighing<>()}),
                    fixed = WeightsBlending({DraftWeighing()}),
                    guided = GuidedBlending(LinearWeighing<>(), 2);
  EXPECT_FALSE(good.scales_adapters() || good.scales_change() || good.guides_itself());
  EXPECT_TRUE(scaled.scales_adapters() && scaled.scales_change());
  EXPECT_TRUE(fixed.scales_adapters() && !fixed.scales_change());
  EXPECT_TRUE(guided.guides_itself());
  EXPECT_TRUE(good == AnyBlending(GoodBlend()));
  EXPECT_FALSE(good == guided);
}

TEST(BlendingTest, WhatAStepEvaluates) {
  const BlendStep base{.parts = {{kBaseModel, 1.0}}}, tuned{.parts = {{2, 1.0}}},
      scaled{.parts = {{kScaledAdapters, 1.0}}, .scales = {1}}, both{.parts = {{0, 0.5}, {1, 0.5}}};
  EXPECT_TRUE(Evaluates(base, false) && !Evaluates(base, true));
  EXPECT_TRUE(!Evaluates(tuned, false) && Evaluates(tuned, true));
  EXPECT_TRUE(!Evaluates(scaled, false) && Evaluates(scaled, true));
  EXPECT_TRUE(Evaluates(both, false) && Evaluates(both, true));
}

}  // namespace
}  // namespace draftp::testing
