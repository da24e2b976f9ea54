// Models of the concept NoisePredictor, good and bad.
#include "draftp/sampling/noise_predictor.h"

#include <gtest/gtest.h>

#include <vector>

namespace draftp::testing {
namespace {

struct TakesOneRow {
  at::Tensor operator()(const at::Tensor& x, double time, RowGroup row);
};
struct ReturnsRows {
  std::vector<at::Tensor> operator()(const at::Tensor& x, double time,
                                     std::span<const RowGroup> rows);
};

TEST(NoisePredictorTest, ConceptAnswersAllRowsInOneTensor) {
  static_assert(NoisePredictor<internal::PredictorArchetype>);
  static_assert(!NoisePredictor<TakesOneRow>);
  static_assert(!NoisePredictor<ReturnsRows>);
}

}  // namespace
}  // namespace draftp::testing
