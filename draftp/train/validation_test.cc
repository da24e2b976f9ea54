// Tests of validation's measures.
#include "draftp/train/validation.h"

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>

namespace draftp {
namespace {

// Angles of unit vectors in the plane.
at::Tensor Embeddings(const std::vector<double>& angles) {
  std::vector<double> values;
  for (const double angle : angles) {
    values.push_back(std::cos(angle));
    values.push_back(std::sin(angle));
  }
  return at::tensor(values, at::kDouble).view({-1, 2});
}

TEST(PairwiseDiversity, IsOneLessTheMeanCosineOfPairsOfAPrompt) {
  // Pairs of the first prompt: 0.1, 0.3, 0.2 apart; of the second: 0, 1, 1.
  const double first = (std::cos(0.1) + std::cos(0.3) + std::cos(0.2)) / 3;
  const double second = (1 + 2 * std::cos(1.0)) / 3;
  EXPECT_NEAR(PairwiseDiversity(Embeddings({0, 0.1, 0.3, 2, 2, 3}), 3), 1 - (first + second) / 2,
              1e-12);
}

TEST(PairwiseDiversity, NeedsTwoImages) {
  EXPECT_TRUE(std::isnan(PairwiseDiversity(Embeddings({0, 1}), 1)));
  EXPECT_TRUE(std::isnan(PairwiseDiversity({}, 2)));
}

}  // namespace
}  // namespace draftp
