// Tests of the KL's weights.
#include "draftp/objective/kl_weight.h"

#include <gtest/gtest.h>

namespace draftp {
namespace {

TEST(KlWeight, IsTheFormulaOfItsName) {
  EXPECT_EQ(WeightOf(KlWeight::kOne, 4.0), 1.0);
  EXPECT_EQ(WeightOf(KlWeight::kHalf, 4.0), 0.5);
  EXPECT_EQ(WeightOf(KlWeight::kInverseSigmaSquared, 4.0), 1.0 / 16);
}

TEST(KlWeight, ParsesEachNameToAWeightOfItsOwn) {
  ASSERT_EQ(kKlWeights.Names().size(), 3u);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(ParseKlWeight(kKlWeights.Names()[i]), static_cast<KlWeight>(i));
  EXPECT_EQ(ParseKlWeight("two"), std::nullopt);
}

}  // namespace
}  // namespace draftp
