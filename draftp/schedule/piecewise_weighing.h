// The weighing function that is drawn by hand: straight lines between knots.
#ifndef DRAFTP_SCHEDULE_PIECEWISE_WEIGHING_H_
#define DRAFTP_SCHEDULE_PIECEWISE_WEIGHING_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
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

// A point that a PiecewiseWeighing passes through.
struct Knot {
  double x;       // coordinate
  double weight;  // in [0, 1]
};

// w is linear between neighbouring knots, and the first or last knot's weight outside them.
// Text: piecewise(0:0,0.5:1), piecewise(0.3:1,5:0)@sigma.
template <Coordinate X = coordinate::StepFraction>
class PiecewiseWeighing {
 public:
  // The error if there is no knot, a knot leaves the coordinate's range, a weight leaves [0, 1],
  // or the knots don't ascend strictly.
  static Parsed<PiecewiseWeighing> Make(std::vector<Knot> knots);

  // Throws std::invalid_argument where Make gives an error.
  explicit PiecewiseWeighing(std::vector<Knot> knots)
      : PiecewiseWeighing(Make(std::move(knots)).value()) {}

  double operator()(const StepContext& step) const {
    const double x = X::Of(step);
    const auto after = std::upper_bound(knots_.begin(), knots_.end(), x,
                                        [](double at, const Knot& knot) { return at < knot.x; });
    if (after == knots_.begin()) return knots_.front().weight;
    if (after == knots_.end()) return knots_.back().weight;
    const Knot& left = *(after - 1);
    return std::lerp(left.weight, after->weight, (x - left.x) / (after->x - left.x));
  }

  std::string name() const {
    std::string text;
    for (const Knot& knot : knots_) {
      text += (text.empty() ? "piecewise(" : ",") + schedule_text::FormatNumber(knot.x) + ":" +
              schedule_text::FormatNumber(knot.weight);
    }
    return text + ")" + schedule_text::CoordinateSuffix<X>();
  }

  static Parsed<PiecewiseWeighing> FromTerm(const schedule_text::Term& term);

 private:
  PiecewiseWeighing() = default;

  std::vector<Knot> knots_;
};

template <Coordinate X>
Parsed<PiecewiseWeighing<X>> PiecewiseWeighing<X>::Make(std::vector<Knot> knots) {
  using schedule_text::FormatNumber;
  if (knots.empty()) return ParseError{"piecewise has no knots, expected x:w,..."};
  for (std::size_t i = 0; i < knots.size(); ++i) {
    const auto [x, weight] = knots[i];
    const std::string knot = "piecewise's knot " + FormatNumber(x) + ":" + FormatNumber(weight);
    if (!(x >= X::kLowest && x <= X::kHighest)) {
      return ParseError{knot + " is outside " + std::string(X::kName) + "'s range, " +
                        FormatNumber(X::kLowest) + " to " + FormatNumber(X::kHighest)};
    }
    if (!(weight >= 0 && weight <= 1)) return ParseError{knot + " has a weight outside 0 to 1"};
    if (i > 0 && x <= knots[i - 1].x) {
      return ParseError{knot + " doesn't lie above the knot before it, " +
                        FormatNumber(knots[i - 1].x)};
    }
  }
  PiecewiseWeighing weighing;
  weighing.knots_ = std::move(knots);
  return weighing;
}

template <Coordinate X>
Parsed<PiecewiseWeighing<X>> PiecewiseWeighing<X>::FromTerm(const schedule_text::Term& term) {
  std::vector<Knot> knots;
  for (const schedule_text::Term& argument : term.arguments) {
    const std::optional<double> x = schedule_text::ParseNumber(argument.word);
    const std::optional<double> weight = schedule_text::ParseNumber(argument.knot_weight);
    if (!x || !weight || argument.called || !argument.coordinate.empty()) {
      return ParseError{"piecewise's argument " + schedule_text::Quote(argument.word) +
                        " isn't a knot, expected two numbers as in 0.5:1"};
    }
    knots.push_back({*x, *weight});
  }
  return Make(std::move(knots));
}

static_assert(NamedWeighing<PiecewiseWeighing<>>, "PiecewiseWeighing is a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_PIECEWISE_WEIGHING_H_
