// Tests of intervals: against numpy and scipy, and their coverage by simulation.
#include "draftp/metrics/intervals.h"

#include <absl/strings/str_format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "draftp/metrics/golden.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;

TEST(StudentQuantile, IsScipys) {
  for (const auto& row : testing::MetricsGolden().at("student")) {
    const double expected = row.at(2);
    EXPECT_NEAR(StudentQuantile(row.at(0), row.at(1)), expected, 1e-9 * expected) << row;
  }
}

TEST(Intervals, AreThoseOfNumpyAndScipy) {
  for (const auto& golden : testing::MetricsGolden().at("intervals")) {
    const nlohmann::json& given = golden.at("options");
    BootstrapOptions options;
    options.replicas = given.value("replicas", options.replicas);
    options.seed = given.value("seed", options.seed);
    options.confidence = given.value("confidence", options.confidence);
    const auto point = golden.at("point").get<ValuesByPrompt>();
    testing::ExpectInterval(MeanInterval(point, options), golden.at("mean"));
    testing::ExpectInterval(WinRate(point, golden.at("base").get<ValuesByPrompt>()),
                            golden.at("win_rate"));
  }
}

TEST(Intervals, ShiftAndScaleWithTheValues) {
  const ValuesByPrompt values = {{1, 2, 4}, {3, 5}, {0, 7, 7}};
  ValuesByPrompt others = values;
  for (auto& prompt : others) {
    for (double& value : prompt) value = 10 + 2 * value;
  }
  const Interval a = *MeanInterval(values), b = *MeanInterval(others);
  EXPECT_NEAR(b.low, 10 + 2 * a.low, 1e-12);
  EXPECT_NEAR(b.high, 10 + 2 * a.high, 1e-12);
  EXPECT_LT(a.low, a.mean);
  EXPECT_GT(a.high, a.mean);
}

TEST(Intervals, OrderOfAPromptsPicturesDoesNotMatter) {
  const Interval a = *MeanInterval({{1, 2, 4}, {3, 5}, {0, 7, 7}});
  const Interval b = *MeanInterval({{4, 1, 2}, {5, 3}, {7, 0, 7}});
  EXPECT_DOUBLE_EQ(a.low, b.low);
  EXPECT_DOUBLE_EQ(a.high, b.high);
}

TEST(Intervals, SaysWhatIsMissing) {
  EXPECT_THAT(MeanInterval({}).status().message(), HasSubstr("found no prompt"));
  EXPECT_THAT(MeanInterval({{1}, {}}).status().message(), HasSubstr("no picture of prompt 1"));
  EXPECT_EQ(MeanInterval({{1}}).status().message(),
            "interval: found 1 prompt with 1 picture, expected 2 prompts or 2 pictures");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(MeanInterval({{1, 2}, {3, nan}}).status().message(),
            "interval: found nan for picture 1 of prompt 1, expected a finite number");
  EXPECT_EQ(WinRate({{1, 2}}, {{1, nan}}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_ANY_THROW(WinRate({{1, 2}}, {{1}, {2}}).IgnoreError());
  EXPECT_ANY_THROW(MeanInterval({{1, 2}}, {.replicas = 1}).IgnoreError());
}

TEST(Bootstrap, DrawsAgainWhatHasNoValueButNotForEver) {
  const std::vector<int64_t> sizes = {3};
  int calls = 0;
  const auto half = [&](std::span<const DrawnPrompt>) { return ++calls % 2 ? 1.0 : std::nan(""); };
  EXPECT_EQ(Bootstrap(sizes, half)->high, 1);
  EXPECT_GE(calls, 4000);
  const auto none = [](std::span<const DrawnPrompt>) { return std::nan(""); };
  EXPECT_THAT(Bootstrap(sizes, none).status().message(), HasSubstr("have no value"));
}

// The share of `trials` whose interval holds the truth: values of so many prompts and pictures, of
// deviation `between` and 1.
double Coverage(int prompts, int pictures, double between, bool exponential = false) {
  constexpr int kTrials = 2000;
  StepRandom random(17, prompts, "coverage");
  int held = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    ValuesByPrompt values(static_cast<size_t>(prompts));
    for (auto& prompt : values) {
      const double centre =
          exponential ? -std::log(1 - random.Uniform01()) - 1 : random.Normal(0, 1);
      for (int i = 0; i < pictures; ++i) prompt.push_back(random.Normal(between * centre, 1));
    }
    const BootstrapOptions options = {.replicas = 500, .seed = static_cast<uint64_t>(trial)};
    const Interval interval = *MeanInterval(values, options);
    held += interval.low <= 0 && 0 <= interval.high ? 1 : 0;
  }
  return static_cast<double>(held) / kTrials;
}

// 2000 trials of an interval that holds 94% give less than 92% once in 10^4 and, of one that holds
// 95%, more than 97% once in 10^5 (binomial).
TEST(Intervals, HoldTheTruthAsOftenAsTheySay) {
  for (const int prompts : {6, 12}) {
    for (const double between : {0.0, 0.25, 2.0}) {
      const double coverage = Coverage(prompts, 16, between);
      RecordProperty(absl::StrFormat("%d_%g", prompts, between).c_str(), std::to_string(coverage));
      EXPECT_GE(coverage, 0.92) << prompts << " prompts, between " << between;
      EXPECT_LE(coverage, 0.97) << prompts << " prompts, between " << between;
    }
  }
}

TEST(Intervals, HoldWithFewOrOnePicturesToo) {
  const double two = Coverage(2, 16, 0.5), three = Coverage(3, 16, 0.5);
  const double singles = Coverage(6, 1, 1), one = Coverage(1, 16, 0);
  const double skewed = Coverage(6, 16, 1, /*exponential=*/true);
  RecordProperty("two", std::to_string(two));
  RecordProperty("three", std::to_string(three));
  RecordProperty("singles", std::to_string(singles));
  RecordProperty("one", std::to_string(one));
  RecordProperty("skewed", std::to_string(skewed));
  EXPECT_GE(two, 0.91);
  EXPECT_GE(three, 0.92);
  EXPECT_GE(singles, 0.92);
  EXPECT_GE(one, 0.92);
  EXPECT_GE(skewed, 0.87);
}

TEST(WinRate, HoldsTheTruthAsOftenAsItSays) {
  constexpr int kTrials = 2000;
  for (const double odds : {0.0, 2.5}) {
    // The mean of 1 / (1 + e^-(odds + x)), x Gaussian of deviation 0.5, by the midpoint rule.
    double truth = 0, weights = 0;
    for (double x = -4; x < 4; x += 0.001) {
      const double weight = std::exp(-2 * x * x);
      weights += weight;
      truth += weight / (1 + std::exp(-odds - x));
    }
    truth /= weights;
    StepRandom random(3, 0, "wins");
    int held = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      ValuesByPrompt point(6), base(6);
      for (size_t p = 0; p < 6; ++p) {
        const double chance = 1 / (1 + std::exp(-odds - random.Normal(0, 0.5)));
        for (int i = 0; i < 16; ++i) point[p].push_back(random.Uniform01() < chance ? 1 : -1);
        base[p].assign(16, 0);
      }
      const BootstrapOptions options = {.replicas = 500, .seed = static_cast<uint64_t>(trial)};
      const Interval interval = *WinRate(point, base, options);
      held += interval.low <= truth && truth <= interval.high ? 1 : 0;
    }
    const double coverage = static_cast<double>(held) / kTrials;
    RecordProperty(absl::StrFormat("odds_%g", odds).c_str(), std::to_string(coverage));
    EXPECT_GE(coverage, 0.92) << "odds " << odds;
  }
}

}  // namespace
}  // namespace draftp
