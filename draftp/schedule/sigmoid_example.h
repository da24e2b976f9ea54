// The example of docs/add_a_weighing_function.md: a smooth switch. Compiled and tested, not
// registered.
#ifndef DRAFTP_SCHEDULE_SIGMOID_EXAMPLE_H_
#define DRAFTP_SCHEDULE_SIGMOID_EXAMPLE_H_

#include <cmath>
#include <string>
#include <vector>

#include "draftp/schedule/coordinate.h"
#include "draftp/schedule/form.h"
#include "draftp/schedule/number.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/term.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

// w = 1 / (1 + exp(-(x - center) / width)): a step at `center`, softened over `width` > 0.
// Text: sigmoid(0.5,0.1), sigmoid(0,1)@logsnr.
template <Coordinate X = coordinate::StepFraction>
class SigmoidWeighing {
 public:
  // The error if center is outside the coordinate's range or width isn't positive.
  static Parsed<SigmoidWeighing> Make(double center, double width) {
    if (!(center >= X::kLowest && center <= X::kHighest && width > 0)) {
      return ParseError{"sigmoid has center " + schedule_text::FormatNumber(center) +
                        " and width " + schedule_text::FormatNumber(width) +
                        ", expected a center within the range of " + std::string(X::kName) +
                        " and a width > 0"};
    }
    SigmoidWeighing weighing;
    weighing.center_ = center;
    weighing.width_ = width;
    return weighing;
  }

  // Throws std::invalid_argument where Make gives an error.
  SigmoidWeighing(double center, double width) : SigmoidWeighing(Make(center, width).value()) {}

  double operator()(const StepContext& step) const {
    return 1 / (1 + std::exp((center_ - X::Of(step)) / width_));
  }

  std::string name() const {
    return "sigmoid(" + schedule_text::FormatNumber(center_) + "," +
           schedule_text::FormatNumber(width_) + ")" + schedule_text::CoordinateSuffix<X>();
  }

  static Parsed<SigmoidWeighing> FromTerm(const schedule_text::Term& term) {
    const Parsed<std::vector<double>> numbers = schedule_text::ReadNumbers(term, 2, 2);
    if (!numbers.ok()) return ParseError{numbers.error()};
    return Make((*numbers)[0], (*numbers)[1]);
  }

 private:
  SigmoidWeighing() = default;

  double center_ = 0.5, width_ = 0.1;
};

static_assert(NamedWeighing<SigmoidWeighing<>>, "SigmoidWeighing is a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_SIGMOID_EXAMPLE_H_
