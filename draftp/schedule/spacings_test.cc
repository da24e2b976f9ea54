// Tests of the members of noise levels against numpy, diffusers and the closed formula, and of
// their text.
#include "draftp/schedule/spacings.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "draftp/schedule/golden.h"
#include "draftp/schedule/noise_levels_conformance.h"

namespace draftp::testing {
namespace {

struct EdmKarrasExamples {
  static std::vector<EdmKarras> All() {
    return {EdmKarras(),           EdmKarras(0.002, 80, 7), EdmKarras(1e-6, 1e6, 1),
            EdmKarras(1, 1.01, 1), EdmKarras(1, 1.01, 100), EdmKarras(1e-6, 1e6, 100)};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(EdmKarras, NoiseLevelsConformance, EdmKarrasExamples);

TEST(EdmKarrasTest, EqualsTheClosedFormula) {
  for (const auto& [levels, name] :
       {std::pair(EdmKarras(), "edm"), std::pair(EdmKarras(0.03, 10, 7), "edm(0.03,10,7)")}) {
    for (const auto& [n, expected] : ScheduleGolden().at(name).items()) {
      const std::vector<double> sigmas = levels.Sigmas(std::stoi(n));
      ASSERT_EQ(sigmas.size(), expected.size() + 1);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const double reference = expected.at(i).get<double>();
        EXPECT_NEAR(sigmas[i], reference, 1e-14 * reference) << name << ", " << i << " of " << n;
      }
    }
  }
}

TEST(EdmKarrasTest, OneStepStartsAtTheLargestSigma) {
  EXPECT_EQ(EdmKarras().Sigmas(1), (std::vector<double>{14.6146, 0}));
}

TEST(EdmKarrasTest, EndsAreExact) {
  const std::vector<double> sigmas = EdmKarras().Sigmas(25);
  EXPECT_EQ(sigmas[0], 14.6146);
  EXPECT_EQ(sigmas[24], 0.0292);
}

TEST(EdmKarrasTest, RejectsParametersThatGiveNoDescent) {
  const double nan = std::nan("");
  const std::vector<std::vector<double>> bad = {
      {0, 1, 3},   {-1, 1, 3},  {1, 1, 3},   {2, 1, 3},   {nan, 1, 3},     {1, nan, 3},
      {1, 1e7, 3}, {1, 2, 0.5}, {1, 2, nan}, {1, 2, 101}, {1, HUGE_VAL, 3}};
  for (const auto& p : bad) {
    EXPECT_FALSE(EdmKarras::Make(p[0], p[1], p[2]).ok()) << p[0] << " " << p[1] << " " << p[2];
    EXPECT_THROW(EdmKarras(p[0], p[1], p[2]), std::invalid_argument);
  }
}

struct LegacyDdpmExamples {
  static std::vector<LegacyDdpm> All() {
    return {LegacyDdpm(), LegacyDdpm(DdpmTable::ScaledLinear(0.001, 0.02, 200))};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(LegacyDdpm, NoiseLevelsConformance, LegacyDdpmExamples);

TEST(LegacyDdpmTest, EqualsNumpyForEveryNumberOfSteps) { ExpectGoldenTimes(LegacyDdpm()); }

TEST(LegacyDdpmTest, TakesItsSigmasFromTheTable) {
  const std::vector<double> sigmas = LegacyDdpm().Sigmas(3);  // times 999, 666, 333
  const std::vector<double>& table = DdpmTable::Standard().sigmas();
  EXPECT_EQ(sigmas, (std::vector<double>{table[999], table[666], table[333], 0}));
}

TEST(LegacyDdpmTest, StartsAtTheLastAndEndsAboveTheFirstTime) {
  for (int n = 1; n < 1000; ++n) {
    const std::vector<int> times = LegacyDdpm().Times(n);
    ASSERT_EQ(times.front(), 999);
    ASSERT_GT(times.back(), 0);
  }
  EXPECT_EQ(LegacyDdpm().Times(1000).back(), 0);
}

struct TrailingSpacingExamples {
  static std::vector<TrailingSpacing> All() {
    return {TrailingSpacing(), TrailingSpacing(DdpmTable::ScaledLinear(0.001, 0.02, 200))};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(TrailingSpacing, NoiseLevelsConformance, TrailingSpacingExamples);

TEST(TrailingSpacingTest, EqualsDiffusersForEveryNumberOfSteps) {
  ExpectGoldenTimes(TrailingSpacing());
}

TEST(TrailingSpacingTest, HasDiffusersSigmas) { ExpectGoldenSigmas(TrailingSpacing()); }

struct LeadingSpacingExamples {
  static std::vector<LeadingSpacing> All() {
    return {LeadingSpacing(), LeadingSpacing(1),
            LeadingSpacing(1, DdpmTable::ScaledLinear(0.001, 0.02, 200))};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(LeadingSpacing, NoiseLevelsConformance, LeadingSpacingExamples);

TEST(LeadingSpacingTest, EqualsDiffusersForEveryNumberOfSteps) {
  ExpectGoldenTimes(LeadingSpacing(0));
  ExpectGoldenTimes(LeadingSpacing(1));
}

TEST(LeadingSpacingTest, HasDiffusersSigmas) {
  ExpectGoldenSigmas(LeadingSpacing(0));
  ExpectGoldenSigmas(LeadingSpacing(1));
}

TEST(LeadingSpacingTest, RejectsOffsetsThatNoCheckpointHas) {
  for (const int offset : {-1, 2, 999}) {
    EXPECT_FALSE(LeadingSpacing::Make(offset).ok()) << offset;
    EXPECT_THROW(LeadingSpacing{offset}, std::invalid_argument) << offset;
  }
}

struct LcmSpacingExamples {
  static std::vector<LcmSpacing> All() {
    return {LcmSpacing(), LcmSpacing::Make(1000).value(),
            LcmSpacing::Make(25, DdpmTable::ScaledLinear(0.001, 0.02, 200)).value()};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(LcmSpacing, NoiseLevelsConformance, LcmSpacingExamples);

TEST(LcmSpacingTest, EqualsDiffusersForEveryNumberOfSteps) {
  const auto golden =
      nlohmann::json::parse(std::ifstream("testdata/goldens/few_step.json")).at("times");
  for (const LcmSpacing& levels : {LcmSpacing(), LcmSpacing::Make(25).value()}) {
    const auto times = golden.at(levels.name()).get<std::vector<std::vector<int>>>();
    ASSERT_EQ(times.size(), static_cast<std::size_t>(levels.max_steps()));
    for (int n = 1; n <= levels.max_steps(); ++n) EXPECT_EQ(levels.Times(n), times[n - 1]) << n;
  }
  EXPECT_EQ(LcmSpacing().Times(4), (std::vector<int>{999, 759, 499, 259}));
}

TEST(LcmSpacingTest, RejectsOriginalStepsBeyondTheTable) {
  for (const int steps : {-1, 0, 1001}) EXPECT_FALSE(LcmSpacing::Make(steps).ok()) << steps;
  EXPECT_FALSE(LcmSpacing::Make(201, DdpmTable::ScaledLinear(0.001, 0.02, 200)).ok());
}

TEST(ParseNoiseLevelsTest, ReadsEveryMember) {
  EXPECT_EQ(ParseNoiseLevels("legacy_ddpm")->Sigmas(25), LegacyDdpm().Sigmas(25));
  EXPECT_EQ(ParseNoiseLevels("edm")->Sigmas(25), EdmKarras().Sigmas(25));
  EXPECT_EQ(ParseNoiseLevels("edm(0.03,10,7)")->Sigmas(25), EdmKarras(0.03, 10, 7).Sigmas(25));
  EXPECT_EQ(ParseNoiseLevels("trailing")->Sigmas(25), TrailingSpacing().Sigmas(25));
  EXPECT_EQ(ParseNoiseLevels("leading")->Sigmas(25), LeadingSpacing(0).Sigmas(25));
  EXPECT_EQ(ParseNoiseLevels("leading(1)")->Sigmas(25), LeadingSpacing(1).Sigmas(25));
  EXPECT_EQ(ParseNoiseLevels("lcm")->Sigmas(25), LcmSpacing().Sigmas(25));
  EXPECT_EQ(ParseNoiseLevels("lcm(25)")->Sigmas(25), LcmSpacing::Make(25)->Sigmas(25));
}

TEST(ParseNoiseLevelsTest, EveryFormsNameReadsBackAsTheSameLevels) {
  for (const auto& form : schedule_text::kNoiseLevelsForms) {
    const AnyNoiseLevels levels = ParseNoiseLevels(form.example).value();
    const AnyNoiseLevels again = ParseNoiseLevels(levels.name()).value();
    EXPECT_EQ(again, levels);
    EXPECT_EQ(again.Sigmas(25), levels.Sigmas(25));
  }
}

TEST(ParseNoiseLevelsTest, PrintsCanonically) {
  EXPECT_EQ(ParseNoiseLevels("edm(0.0292, 14.6146, 3.0)")->name(), "edm");
  EXPECT_EQ(ParseNoiseLevels("leading(0)")->name(), "leading");
  EXPECT_EQ(ParseNoiseLevels("lcm(50)")->name(), "lcm");
}

TEST(ParseNoiseLevelsTest, LevelsAreThoseThatTheModelWasTrainedOn) {
  const DdpmTable table = DdpmTable::ScaledLinear(0.0001, 0.002, 500);
  for (const char* text : {"legacy_ddpm", "trailing", "leading"}) {
    const AnyNoiseLevels levels = ParseNoiseLevels(text, {table, 0}).value();
    EXPECT_EQ(levels.max_steps(), 500) << text;
    EXPECT_LE(levels.Sigmas(10)[0], table.sigmas().back()) << text;
  }
  EXPECT_EQ(ParseNoiseLevels("leading", {table, 1})->Sigmas(10)[0], table.sigmas()[451]);
  EXPECT_EQ(ParseNoiseLevels("leading(0)", {table, 1})->Sigmas(10)[0], table.sigmas()[450]);
  EXPECT_FALSE(ParseNoiseLevels("leading", {table, 2}).ok());
}

TEST(ParseNoiseLevelsTest, RefusesMalformedTextAndListsTheValidForms) {
  for (const char* text : {"", "ddpm", "legacy_ddpm()", "edm()", "edm(1,2)", "edm(2,1,3)",
                           "edm(nan,1,3)", "leading(2)", "leading(0.5)", "leading(-1)",
                           "trailing(1)", "trailing@sigma", "lcm(0)", "lcm(1,2)", "lcm(2.5)"}) {
    const std::string error = ParseNoiseLevels(text).error();
    EXPECT_TRUE(error.starts_with("noise levels \"")) << text << ": " << error;
    EXPECT_TRUE(
        error.ends_with("; valid forms: legacy_ddpm, edm[(smin,smax,rho)], trailing, "
                        "leading[(steps_offset)], lcm[(original_steps)]"))
        << error;
  }
}

}  // namespace
}  // namespace draftp::testing
