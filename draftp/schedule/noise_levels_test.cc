// Tests of what models noise levels, and what doesn't.
#include "draftp/schedule/noise_levels.h"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace draftp {
namespace {

struct Halving {  // a good model
  std::vector<double> Sigmas(int n) const {
    std::vector<double> sigmas(n + 1, 0.0);
    for (int i = 0; i < n; ++i) sigmas[i] = 8.0 / (1 << i);
    return sigmas;
  }
};
struct NamedHalving : Halving {
  int max_steps() const { return 20; }
  std::string name() const { return "halving"; }
};
struct LowerCase {
  std::vector<double> sigmas(int) const { return {1, 0}; }
};
struct Mutable {
  std::vector<double> Sigmas(int) { return {1, 0}; }
};
struct Unordered {
  std::set<double> Sigmas(int) const { return {1, 0}; }
};

static_assert(NoiseLevels<Halving> && !NamedNoiseLevels<Halving>);
static_assert(NamedNoiseLevels<NamedHalving>);
static_assert(!NoiseLevels<LowerCase>);
static_assert(!NoiseLevels<Mutable>);
static_assert(!NoiseLevels<Unordered>);

TEST(NoiseLevelsTest, ChecksAStepCountAgainstTheLimit) {
  EXPECT_NO_THROW(CheckSteps(NamedHalving(), 20));
  EXPECT_THROW(CheckSteps(NamedHalving(), 21), std::invalid_argument);
  EXPECT_THROW(CheckSteps(NamedHalving(), 0), std::invalid_argument);
}

}  // namespace
}  // namespace draftp
