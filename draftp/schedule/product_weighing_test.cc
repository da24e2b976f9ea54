// Tests of the product of weighing functions.
#include "draftp/schedule/product_weighing.h"

#include <gtest/gtest.h>

#include <vector>

#include "draftp/schedule/linear_weighing.h"
#include "draftp/schedule/power_weighing.h"
#include "draftp/schedule/step_weighing.h"
#include "draftp/schedule/weighing_conformance.h"

namespace draftp::testing {
namespace {

struct ProductExamples {
  using Product = ProductWeighing<PowerWeighing<>, StepWeighing<coordinate::Sigma>>;
  static std::vector<Product> All() {
    return {Product(PowerWeighing<>(2), StepWeighing<coordinate::Sigma>(0.5)),
            Product(PowerWeighing<>(0), StepWeighing<coordinate::Sigma>(0.5))};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Product, WeighingConformance, ProductExamples);

TEST(ProductWeighingTest, Multiplies) {
  const ProductWeighing product(LinearWeighing<>{}, PowerWeighing<>(2));
  EXPECT_DOUBLE_EQ(product({3, 10, 1, 0}), 0.3 * 0.09);
}

TEST(ProductWeighingTest, CombinesCoordinates) {
  const ProductWeighing product(LinearWeighing<>{}, StepWeighing<coordinate::Sigma>(2));
  EXPECT_EQ(product({3, 10, 2.5, 2}), 0.3);
  EXPECT_EQ(product({3, 10, 1.5, 1}), 0);
}

TEST(ProductWeighingTest, HasAFlatName) {
  const ProductWeighing two(LinearWeighing<>{}, DraftWeighing{});
  EXPECT_EQ(ProductWeighing(two, BaseWeighing{}).name(), "product(linear,draft,base)");
  EXPECT_EQ(ProductWeighing(BaseWeighing{}, two).name(), "product(base,product(linear,draft))");
}

}  // namespace
}  // namespace draftp::testing
