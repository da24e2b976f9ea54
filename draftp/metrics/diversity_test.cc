// Tests of diversity: against pairs one by one and the Vendi score's package.
#include "draftp/metrics/diversity.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "draftp/metrics/golden.h"
#include "draftp/testing/hash_tensor.h"

namespace draftp {
namespace {

using testing::GoldenEmbeddings;
using testing::HashTensor;

// Angles of unit vectors in the plane.
at::Tensor Plane(const std::vector<double>& angles) {
  std::vector<double> values;
  for (const double angle : angles) {
    values.push_back(std::cos(angle));
    values.push_back(std::sin(angle));
  }
  return at::tensor(values, at::kDouble).view({-1, 2});
}

TEST(Diversity, IsThatOfTheReferences) {
  for (const auto& golden : testing::MetricsGolden().at("sets")) {
    const auto sizes = golden.at("sizes").get<std::vector<int64_t>>();
    const at::Tensor set = GoldenEmbeddings(golden, "set");
    const auto diversities = *PromptDiversities(set, sizes);
    for (size_t p = 0; p < sizes.size(); ++p)
      EXPECT_NEAR(diversities[p], golden.at("diversities").at(p), 1e-12);
    EXPECT_NEAR(*PairwiseDiversity(set, sizes), golden.at("diversity"), 1e-12);
    testing::ExpectInterval(DiversityInterval(set, sizes), golden.at("diversity_interval"));
    const VendiScores vendi = *VendiScore(set, sizes);
    EXPECT_NEAR(vendi.overall, golden.at("vendi"), 1e-9);
    EXPECT_NEAR(vendi.overall, golden.at("vendi_dual"), 1e-9);
    EXPECT_NEAR(vendi.per_prompt, golden.at("vendi_per_prompt"), 1e-9);
    EXPECT_EQ(vendi.pictures, set.size(0));
  }
}

TEST(PairwiseDiversity, IsOneLessTheMeanCosineOfPairsOfAPrompt) {
  // Pairs of the first prompt: 0.1, 0.3, 0.2 apart; of the second: 0, 1, 1.
  const double first = (std::cos(0.1) + std::cos(0.3) + std::cos(0.2)) / 3;
  const double second = (1 + 2 * std::cos(1.0)) / 3;
  EXPECT_NEAR(*PairwiseDiversity(Plane({0, 0.1, 0.3, 2, 2, 3}), {3, 3}), 1 - (first + second) / 2,
              1e-12);
}

TEST(PairwiseDiversity, KnowsNeitherLengthsNorOrder) {
  const at::Tensor set = HashTensor("set", {5, 7});
  const at::Tensor other = (set * 3).flip(0).to(at::kFloat);
  EXPECT_NEAR(*PairwiseDiversity(set, {5}), *PairwiseDiversity(other, {5}), 1e-6);
  EXPECT_NEAR(VendiScore(set, {5})->overall, VendiScore(other, {5})->overall, 1e-5);
}

TEST(VendiScore, CountsWhatDiffers) {
  const at::Tensor two = Plane({0, 0, std::numbers::pi / 2, std::numbers::pi / 2});
  const VendiScores scores = *VendiScore(two, {2, 2});
  EXPECT_NEAR(scores.overall, 2, 1e-12);
  EXPECT_NEAR(scores.per_prompt, 1, 1e-12);
  const VendiScores ragged = *VendiScore(two, {1, 3});
  EXPECT_EQ(ragged.least_pictures, 1);
  EXPECT_EQ(ragged.most_pictures, 3);
}

TEST(Diversity, SaysHowManyPicturesAreNeeded) {
  EXPECT_EQ(PairwiseDiversity(Plane({0, 1, 2}), {2, 1}).status().message(),
            "pairwise diversity: prompt 1 has 1 of the 2 pictures needed");
  EXPECT_EQ(DiversityInterval(Plane({0, 1}), {2}).status().message(),
            "pairwise diversity: prompt 0 has 2 of the 3 pictures needed");
  EXPECT_EQ(VendiScore(at::zeros({0, 3}), {}).status().message(),
            "Vendi score: the set has 0 of the 1 pictures needed");
  EXPECT_EQ(PairwiseDiversity(Plane({0}), {}).status().message(),
            "pairwise diversity: there is no prompt");
}

TEST(Diversity, RefusesWhatIsNoEmbedding) {
  at::Tensor set = HashTensor("set", {4, 3});
  EXPECT_ANY_THROW(PairwiseDiversity(set, {2, 3}).IgnoreError());
  EXPECT_ANY_THROW(PairwiseDiversity(set, {2}).IgnoreError());
  EXPECT_ANY_THROW(PairwiseDiversity(set.flatten(), {12}).IgnoreError());
  set[2].zero_();
  EXPECT_EQ(VendiScore(set, {4}).status().message(),
            "Vendi score: found nothing but zeros in the embedding of picture 2 of the set");
  set[1][0] = std::numeric_limits<double>::infinity();
  EXPECT_EQ(DiversityInterval(set, {4}).status().message(),
            "pairwise diversity: found NaN or infinity in the embedding of picture 1 of the set");
}

TEST(DiversityInterval, IsNeverBelowZero) {
  const Interval interval = *DiversityInterval(Plane({0, 0.01, 0, 1.5}), {2, 2});
  EXPECT_EQ(interval.low, 0);
  EXPECT_GT(interval.high, interval.mean);
}

// Pictures of a prompt: a direction, and Gaussian noise on it of a strength that is the prompt's.
at::Tensor Draw(StepRandom& random, const std::vector<double>& strengths, int64_t pictures) {
  std::vector<double> values;
  for (const double strength : strengths) {
    for (int64_t i = 0; i < pictures * 4; ++i)
      values.push_back(random.Normal(i % 4 == 0 ? 1 : 0, strength));
  }
  return at::tensor(values, at::kDouble).view({-1, 4});
}

double DiversityCoverage(int64_t prompts, int64_t pictures) {
  constexpr int kTrials = 1500;
  StepRandom random(29, prompts, "diversity");
  const auto strengths = [&] {
    std::vector<double> drawn;
    for (int64_t p = 0; p < prompts; ++p)
      drawn.push_back(prompts == 1 ? 0.3 : 0.2 + 0.2 * random.Uniform01());
    return drawn;
  };
  // The truth by the law of large numbers: 40000 prompts of 2 pictures.
  std::vector<double> many;
  while (many.size() < 40000) {
    for (const double strength : strengths()) many.push_back(strength);
  }
  const double truth =
      *PairwiseDiversity(Draw(random, many, 2), std::vector<int64_t>(many.size(), 2));
  int held = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const at::Tensor set = Draw(random, strengths(), pictures);
    const std::vector<int64_t> sizes(static_cast<size_t>(prompts), pictures);
    const Interval interval =
        *DiversityInterval(set, sizes, {.replicas = 300, .seed = static_cast<uint64_t>(trial)});
    held += interval.low <= truth && truth <= interval.high ? 1 : 0;
  }
  return static_cast<double>(held) / kTrials;
}

// 1500 trials at 94% give less than 92% once in 1500 (binomial).
TEST(DiversityInterval, HoldsTheTruthAsOftenAsItSays) {
  const double six = DiversityCoverage(6, 16), one = DiversityCoverage(1, 16);
  RecordProperty("six", std::to_string(six));
  RecordProperty("one", std::to_string(one));
  EXPECT_GE(six, 0.92);
  EXPECT_GE(one, 0.90);
  EXPECT_LE(six, 0.97);
  EXPECT_LE(one, 0.98);
}

}  // namespace
}  // namespace draftp
