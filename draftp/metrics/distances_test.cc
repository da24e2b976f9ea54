// Tests of distances between sets: against scipy.linalg.sqrtm and the formulas in numpy.
#include "draftp/metrics/distances.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "draftp/metrics/golden.h"
#include "draftp/testing/hash_tensor.h"

namespace draftp {
namespace {

using testing::GoldenEmbeddings;
using testing::HashTensor;

TEST(Distances, AreThoseOfTheReferences) {
  for (const auto& golden : testing::MetricsGolden().at("sets")) {
    const at::Tensor set = GoldenEmbeddings(golden, "set"), base = GoldenEmbeddings(golden, "base");
    const FrechetResult result = *FrechetDistance(set, base);
    EXPECT_NEAR(result.distance, golden.at("frechet"), 1e-6);
    EXPECT_EQ(result.singular, set.size(0) <= set.size(1));
    EXPECT_EQ(result.pictures, set.size(0));
    EXPECT_EQ(result.base_pictures, base.size(0));
    EXPECT_EQ(result.dimensions, set.size(1));
    EXPECT_NEAR(*Cmmd(set, base), golden.at("cmmd"), 1e-9);
  }
}

TEST(FrechetDistance, IsTheClosedFormWhereCovariancesCommute) {
  // Corners of a box: mean 0, covariance of diagonal 4/3 s^2.
  const auto box = [](double a, double b, double shift) {
    return at::tensor({a, b, a, -b, -a, b, -a, -b}, at::kDouble).view({4, 2}) + shift;
  };
  const double expected = 2 * 0.25 + 4.0 / 3 * (1 * 1 + 2 * 2);  // (1 - 2)^2, (5 - 3)^2
  EXPECT_NEAR(FrechetDistance(box(1, 5, 0), box(2, 3, 0.5))->distance, expected, 1e-12);
}

TEST(Distances, AreZeroOfASetAndItselfInAnyOrder) {
  for (const int64_t n : {5, 40}) {
    const at::Tensor set = HashTensor("set", {n, 16});
    EXPECT_NEAR(FrechetDistance(set, set.flip(0))->distance, 0, 1e-10);
    EXPECT_NEAR(*Cmmd(set, set.flip(0)), 0, 1e-10);
  }
}

TEST(Distances, AreTheSameBothWays) {
  const at::Tensor a = HashTensor("a", {9, 5}), b = HashTensor("b", {7, 5}) + 0.3;
  EXPECT_NEAR(FrechetDistance(a, b)->distance, FrechetDistance(b, a)->distance, 1e-12);
  EXPECT_NEAR(*Cmmd(a, b), *Cmmd(b, a), 1e-12);
  EXPECT_TRUE(FrechetDistance(HashTensor("c", {5, 5}), a)->singular);
}

TEST(Distances, RefuseTooFewAndBadPictures) {
  at::Tensor set = HashTensor("set", {4, 3});
  EXPECT_EQ(FrechetDistance(set, set.narrow(0, 0, 1)).status().message(),
            "Frechet distance: base has 1 of the 2 pictures needed");
  EXPECT_EQ(Cmmd(set.narrow(0, 0, 0), set).status().message(),
            "CMMD: the set has 0 of the 1 pictures needed");
  EXPECT_ANY_THROW(Cmmd(set, HashTensor("set", {4, 2})).IgnoreError());
  set[3][1] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Cmmd(set, set).status().message(),
            "CMMD: found NaN or infinity in the embedding of picture 3 of the set");
}

}  // namespace
}  // namespace draftp
