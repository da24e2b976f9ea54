// Models of the concept Guider, good and bad.
#include "draftp/sampling/guider.h"

#include <gtest/gtest.h>

#include <vector>

namespace draftp::testing {
namespace {

struct Good {
  std::span<const Condition> Conditions(const StepContext& step) const;
  at::Tensor Combine(const StepContext& step, std::span<const at::Tensor> predictions) const;
};
struct OwnsNothing {  // a vector would be gone before it is read
  std::vector<Condition> Conditions(const StepContext& step) const;
  at::Tensor Combine(const StepContext& step, std::span<const at::Tensor> predictions) const;
};
struct CombinesWithoutTheStep {
  std::span<const Condition> Conditions(const StepContext& step) const;
  at::Tensor Combine(std::span<const at::Tensor> predictions) const;
};

TEST(GuiderTest, ConceptNamesItsRowsAndCombinesThem) {
  static_assert(Guider<Good>);
  static_assert(!Guider<OwnsNothing>);
  static_assert(!Guider<CombinesWithoutTheStep>);
}

}  // namespace
}  // namespace draftp::testing
