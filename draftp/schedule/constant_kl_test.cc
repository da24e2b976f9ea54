// Tests of the constant KL coefficient.
#include "draftp/schedule/constant_kl.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace draftp {
namespace {

TEST(ConstantKlTest, NeverChanges) {
  const ConstantKl kl(0.1);
  EXPECT_EQ(kl.Initial(), 0.1);
  EXPECT_EQ(kl.Next(0.1, 5, 1e9), 0.1);
  EXPECT_EQ(kl.name(), "0.1");
}

TEST(ConstantKlTest, RejectsNegativeAndNonFinite) {
  for (const double c : {-1.0, std::nan(""), HUGE_VAL}) {
    EXPECT_FALSE(ConstantKl::Make(c).ok());
    EXPECT_THROW(ConstantKl{c}, std::invalid_argument);
  }
}

}  // namespace
}  // namespace draftp
