// Tests of Karras noise levels against the closed formula.
#include "draftp/schedule/edm_karras.h"

#include <gtest/gtest.h>

#include <cmath>
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

}  // namespace
}  // namespace draftp::testing
