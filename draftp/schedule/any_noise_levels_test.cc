// Tests of noise levels chosen at run time.
#include "draftp/schedule/any_noise_levels.h"

#include <gtest/gtest.h>

#include <concepts>
#include <optional>

#include "draftp/schedule/edm_karras.h"
#include "draftp/schedule/legacy_ddpm.h"

namespace draftp {
namespace {

static_assert(std::copyable<AnyNoiseLevels>);
static_assert(!std::constructible_from<AnyNoiseLevels, double>);

TEST(AnyNoiseLevelsTest, OutlivesWhatItWasMadeFrom) {
  std::optional<EdmKarras> edm(EdmKarras(0.1, 10, 7));
  const AnyNoiseLevels any = *edm;
  edm.reset();
  EXPECT_EQ(any.Sigmas(3), EdmKarras(0.1, 10, 7).Sigmas(3));
  EXPECT_EQ(any.name(), "edm(0.1,10,7)");
  EXPECT_EQ(any.max_steps(), 10000);
}

TEST(AnyNoiseLevelsTest, ComparesByName) {
  EXPECT_EQ(AnyNoiseLevels(EdmKarras()), AnyNoiseLevels(EdmKarras(0.0292, 14.6146, 3)));
  EXPECT_NE(AnyNoiseLevels(EdmKarras()), AnyNoiseLevels(LegacyDdpm()));
}

}  // namespace
}  // namespace draftp
