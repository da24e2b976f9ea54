// The example of docs/add_a_weighing_function.md: a smooth switch. Compiled and tested, not
// registered.
#ifndef DRAFTP_SCHEDULE_SIGMOID_EXAMPLE_H_
#define DRAFTP_SCHEDULE_SIGMOID_EXAMPLE_H_

#include <cmath>
#include <string>

#include "draftp/schedule/coordinate.h"
#include "draftp/schedule/member.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/text.h"
#include "draftp/schedule/weighings.h"

namespace draftp {

// w = 1 / (1 + exp(-(x - center) / width)): a step at `center`, softened over `width` > 0.
// Text: sigmoid(0.5,0.1), sigmoid(0,1)@logsnr.
template <Coordinate X = coordinate::StepFraction>
class SigmoidWeighing : public WeighingOver<SigmoidWeighing<X>, X, double, double> {
 public:
  static constexpr schedule_text::Description kText{
      "sigmoid", {{"center"}, {"width"}}, "sigmoid(0.5,0.1)"};
  using SigmoidWeighing::WeighingOver::WeighingOver;

  // Empty if center is in the coordinate's range and width is positive.
  static std::string Fault(double center, double width) {
    if (center >= X::kLowest && center <= X::kHighest && width > 0) return {};
    return "sigmoid has center " + schedule_text::FormatNumber(center) + " and width " +
           schedule_text::FormatNumber(width) + ", expected a center within the range of " +
           std::string(X::kName) + " and a width > 0";
  }

  double operator()(const StepContext& step) const {
    const auto& [center, width] = this->values();
    return 1 / (1 + std::exp((center - X::Of(step)) / width));
  }
};

static_assert(NamedWeighing<SigmoidWeighing<>>, "SigmoidWeighing is a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_SIGMOID_EXAMPLE_H_
