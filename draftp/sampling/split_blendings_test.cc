// The split ways to blend against their formulas, an element after the other in float64.
#include "draftp/sampling/split_blendings.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "draftp/sampling/blending_conformance.h"
#include "draftp/schedule/parse_weighing.h"

namespace draftp::testing {
namespace {

using ::testing::ElementsAre;

constexpr StepContext kSplitStep{3, 10, 2.0, 1.5};  // linear is 0.3

AnyWeighing SplitWeight(const char* text) { return ParseWeighing(text).value(); }

}  // namespace

struct ProjectedTraits {
  static std::vector<ProjectedBlending> All() {
    return {ProjectedBlending(SplitWeight("draft"), SplitWeight("base")),
            ProjectedBlending(SplitWeight("base"), SplitWeight("base")),
            ProjectedBlending(SplitWeight("1.5"), SplitWeight("1.5")),
            ProjectedBlending(SplitWeight("1.5"), SplitWeight("linear")),
            ProjectedBlending(SplitWeight("base"), SplitWeight("-2"))};
  }
};
struct BandsTraits {
  static std::vector<BandsBlending> All() {
    return {BandsBlending(SplitWeight("draft"), SplitWeight("base")),
            BandsBlending(SplitWeight("linear"), SplitWeight("linear")),
            BandsBlending(SplitWeight("linear"), SplitWeight("1.5")),
            BandsBlending(SplitWeight("base"), SplitWeight("step_0.6"))};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Projected, BlendingConformance, ProjectedTraits);
INSTANTIATE_TYPED_TEST_SUITE_P(Bands, BlendingConformance, BandsTraits);

namespace {

// Parts of one weight are the plain mixture, of which what has no weight isn't evaluated.
TEST(SplitBlendingTest, EqualWeightsAreThePlainMixture) {
  for (const char* text : {"base", "linear", "draft", "1.6"}) {
    const BlendStep mixed = MixBlending({SplitWeight(text)}).At(kSplitStep);
    EXPECT_EQ(ProjectedBlending(SplitWeight(text), SplitWeight(text)).At(kSplitStep), mixed);
    EXPECT_EQ(BandsBlending(SplitWeight(text), SplitWeight(text)).At(kSplitStep), mixed);
  }
  EXPECT_FALSE(ProjectedBlending(SplitWeight("draft"), SplitWeight("base")).At(kSplitStep).linear);
  EXPECT_FALSE(BandsBlending(SplitWeight("0"), SplitWeight("1")).At(kSplitStep).linear);
}

TEST(ProjectedBlendingTest, WeighsWhatIsAcrossAndAlongTheTunedEstimate) {
  const at::Tensor base = BlendImages(0.3), delta = BlendImages(1.1) * 0.2;
  const at::Tensor actual =
      ProjectedBlending(SplitWeight("1.5"), SplitWeight("linear")).Combine(kSplitStep, base, delta);
  const at::Tensor expected = base.clone();
  for (int64_t image = 0; image < 2; ++image) {
    const double* b = base[image].const_data_ptr<double>();
    const double* d = delta[image].const_data_ptr<double>();
    double* e = expected[image].mutable_data_ptr<double>();
    double product = 0, square = 0;
    for (int i = 0; i < 48; ++i) {
      product += d[i] * (b[i] + d[i]);
      square += (b[i] + d[i]) * (b[i] + d[i]);
    }
    for (int i = 0; i < 48; ++i) {
      const double along = product / square * (b[i] + d[i]);
      e[i] += 1.5 * (d[i] - along) + 0.3 * along;
    }
  }
  EXPECT_THAT(actual, IsCloseTo(expected, 1e-14));
}

TEST(ProjectedBlendingTest, WhatStaysIsAcrossTheTunedEstimateAndBothPartsAreTheWhole) {
  const at::Tensor base = BlendImages(0.3), delta = BlendImages(1.1), tuned = base + delta;
  const auto change = [&](const char* across, const char* along) {
    return ProjectedBlending(SplitWeight(across), SplitWeight(along))
               .Combine(kSplitStep, base, delta) -
           base;
  };
  const at::Tensor across = change("1", "0"), along = change("0", "1");
  EXPECT_LT((across * tuned).sum({1, 2, 3}).abs().max().item<double>(), 1e-12);
  EXPECT_THAT(across + along, IsCloseTo(delta, 1e-14));
  EXPECT_GT(along.abs().max().item<double>(), 0.1);
}

// In float32 the inner products are in float64: a shift of 1e4 would otherwise swallow the change.
TEST(ProjectedBlendingTest, InnerProductsAreInFloat64) {
  const at::Tensor base = (BlendImages(0.3) + 1e4).to(at::kFloat);
  const at::Tensor delta = BlendImages(1.1).to(at::kFloat);
  const ProjectedBlending blending(SplitWeight("1"), SplitWeight("0"));
  const at::Tensor exact =
      blending.Combine(kSplitStep, base.to(at::kDouble), delta.to(at::kDouble));
  EXPECT_THAT(blending.Combine(kSplitStep, base, delta), IsCloseTo(exact, 3e-7));
}

TEST(ProjectedBlendingTest, AnEstimateOfZeroHasNoDirection) {
  const at::Tensor base = BlendImages(0.3);
  const ProjectedBlending blending(SplitWeight("1"), SplitWeight("0"));
  EXPECT_EQ(blending.Combine(kSplitStep, base, -base).abs().max().item<double>(), 0.0);
}

TEST(BandsBlendingTest, WeighsLowFrequenciesAndTheRest) {
  const at::Tensor base = BlendImages(0.3), delta = BlendImages(1.1), low = LowFrequencies(delta);
  EXPECT_THAT(
      BandsBlending(SplitWeight("linear"), SplitWeight("1.5")).Combine(kSplitStep, base, delta),
      IsCloseTo(base + 0.3 * low + 1.5 * (delta - low), 1e-14));
  EXPECT_THAT(BandsBlending(SplitWeight("1"), SplitWeight("0")).Combine(kSplitStep, base, delta),
              IsCloseTo(base + low, 1e-14));
}

TEST(SplitBlendingTest, NamesLeaveOutTheDefault) {
  EXPECT_EQ(ProjectedBlending(SplitWeight("1.50"), SplitWeight("base")).name(), "projected(1.5)");
  EXPECT_EQ(ProjectedBlending(SplitWeight("1"), SplitWeight("linear")).name(),
            "projected(1,linear)");
  EXPECT_THAT(BandsBlending(SplitWeight("linear"), SplitWeight("draft")).At(kSplitStep).parts,
              ElementsAre(BlendPart{0, 1.0}, BlendPart{1, 1.0}));
}

}  // namespace
}  // namespace draftp::testing
