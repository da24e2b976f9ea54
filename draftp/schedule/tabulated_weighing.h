// The weighing function that is a list of weights, one per equal part of the run.
#ifndef DRAFTP_SCHEDULE_TABULATED_WEIGHING_H_
#define DRAFTP_SCHEDULE_TABULATED_WEIGHING_H_

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "draftp/schedule/coordinate.h"
#include "draftp/schedule/form.h"
#include "draftp/schedule/number.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/term.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

// w = weights[k] for k/n <= x < (k+1)/n, n = weights.size(). With n = N over the step fraction,
// step i has weights[i]; a table learnt for n steps serves any N. Text: table(0,0.2,1),
// table(1,0)@time.
template <UnitCoordinate X = coordinate::StepFraction>
class TabulatedWeighing {
 public:
  // The error if there are no weights or one is outside [0, 1].
  static Parsed<TabulatedWeighing> Make(std::vector<double> weights) {
    if (weights.empty()) return ParseError{"table has no weights, expected w,..."};
    for (const double weight : weights) {
      if (!(weight >= 0 && weight <= 1)) {
        return ParseError{"table's weight " + schedule_text::FormatNumber(weight) +
                          " is outside 0 to 1"};
      }
    }
    TabulatedWeighing weighing;
    weighing.weights_ = std::move(weights);
    return weighing;
  }

  // Throws std::invalid_argument where Make gives an error.
  explicit TabulatedWeighing(std::vector<double> weights)
      : TabulatedWeighing(Make(std::move(weights)).value()) {}

  double operator()(const StepContext& step) const {
    // x n may round across a whole number; comparing x with k/n doesn't: equal fractions have
    // equal quotients.
    const double x = X::Of(step), n = static_cast<double>(weights_.size());
    auto k = static_cast<std::size_t>(std::clamp(x * n, 0.0, n - 1));
    if (k + 1 < weights_.size() && x >= static_cast<double>(k + 1) / n) ++k;
    if (k > 0 && x < static_cast<double>(k) / n) --k;
    return weights_[k];
  }

  std::string name() const {
    std::string text;
    for (const double weight : weights_) {
      text += (text.empty() ? "table(" : ",") + schedule_text::FormatNumber(weight);
    }
    return text + ")" + schedule_text::CoordinateSuffix<X>();
  }

  static Parsed<TabulatedWeighing> FromTerm(const schedule_text::Term& term) {
    Parsed<std::vector<double>> weights =
        schedule_text::ReadNumbers(term, 1, schedule_text::kMaxTextLength);
    return weights.ok() ? Make(*std::move(weights)) : ParseError{weights.error()};
  }

 private:
  TabulatedWeighing() = default;

  std::vector<double> weights_;
};

static_assert(NamedWeighing<TabulatedWeighing<>>, "TabulatedWeighing is a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_TABULATED_WEIGHING_H_
