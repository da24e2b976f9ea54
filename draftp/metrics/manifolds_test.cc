// Tests of precision, recall, density and coverage: against clovaai's prdc.
#include "draftp/metrics/manifolds.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <limits>

#include "draftp/metrics/golden.h"
#include "draftp/testing/hash_tensor.h"

namespace draftp {
namespace {

using testing::GoldenEmbeddings;
using testing::HashTensor;

at::Tensor Line(const std::vector<double>& places) {
  return at::tensor(places, at::kDouble).unsqueeze(1);
}

TEST(Manifolds, AreThoseOfPrdc) {
  for (const auto& golden : testing::MetricsGolden().at("sets")) {
    for (const auto& [k, expected] : golden.at("prdc").items()) {
      const ManifoldScores scores = *CompareManifolds(
          GoldenEmbeddings(golden, "set"), GoldenEmbeddings(golden, "base"), std::stoi(k));
      EXPECT_NEAR(scores.precision, expected.at("precision"), 1e-9) << "k " << k;
      EXPECT_NEAR(scores.recall, expected.at("recall"), 1e-9) << "k " << k;
      EXPECT_NEAR(scores.density, expected.at("density"), 1e-9) << "k " << k;
      EXPECT_NEAR(scores.coverage, expected.at("coverage"), 1e-9) << "k " << k;
    }
  }
}

TEST(Manifolds, CountWhatIsNearerThanTheRadiusAlone) {
  // Base's radii (k = 1): 1, 1, 2.5; the set's: 1, 1, 8. 6 lies on the edge of 3.5's ball, 5 in it.
  const ManifoldScores scores = *CompareManifolds(Line({6, 5, -3}), Line({0, 1, 3.5}), 1);
  EXPECT_NEAR(scores.precision, 1.0 / 3, 1e-12);
  EXPECT_NEAR(scores.density, 1.0 / 3, 1e-12);
  EXPECT_NEAR(scores.coverage, 1.0 / 3, 1e-12);
  EXPECT_NEAR(scores.recall, 1.0, 1e-12);  // within 8 of -3
}

TEST(Manifolds, AreOneForASetAndItself) {
  const at::Tensor set = HashTensor("set", {30, 4});
  const ManifoldScores scores = *CompareManifolds(set.flip(0), set, 3);
  EXPECT_EQ(scores.precision, 1);
  EXPECT_EQ(scores.recall, 1);
  EXPECT_EQ(scores.coverage, 1);
}

TEST(Manifolds, TellACollapsedSet) {
  const at::Tensor base = HashTensor("set", {40, 4});
  const at::Tensor collapsed = base[0] + 0.01 * HashTensor("noise", {40, 4});
  const ManifoldScores scores = *CompareManifolds(collapsed, base, 5);
  EXPECT_EQ(scores.precision, 1);
  EXPECT_LT(scores.recall, 0.1);
}

TEST(Manifolds, RefuseTooFewAndBadPictures) {
  at::Tensor set = HashTensor("set", {6, 3});
  EXPECT_EQ(CompareManifolds(set.narrow(0, 0, 5), set, 5).status().message(),
            "precision and recall: the set has 5 of the 6 pictures needed");
  EXPECT_EQ(CompareManifolds(set, set.narrow(0, 0, 3), 3).status().message(),
            "precision and recall: base has 3 of the 4 pictures needed");
  EXPECT_ANY_THROW(CompareManifolds(set, set, 0).IgnoreError());
  EXPECT_ANY_THROW(CompareManifolds(set, HashTensor("set", {6, 2}), 3).IgnoreError());
  set[0][0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(CompareManifolds(set, set, 3).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace draftp
