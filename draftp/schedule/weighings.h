// The members of weighing functions: of a coordinate of the step, and compositions of others.
#ifndef DRAFTP_SCHEDULE_WEIGHINGS_H_
#define DRAFTP_SCHEDULE_WEIGHINGS_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "draftp/schedule/coordinate.h"
#include "draftp/schedule/member.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/text.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

// The base of a weighing function D of the coordinate X, with parameters of the types P (member.h).
template <class D, Coordinate X, class... P>
class WeighingOver : public schedule_text::Member<D, P...> {
 public:
  using Over = X;
  using WeighingOver::Member::Member;

  std::string name() const
  requires(schedule_text::HasText<P> && ...)
  {
    return schedule_text::Member<D, P...>::name() + schedule_text::CoordinateSuffix<X>();
  }
};

// w = 0: the base model.
class BaseWeighing : public schedule_text::Member<BaseWeighing> {
 public:
  static constexpr schedule_text::Description kText{"base", {}, "base"};
  static constexpr bool kConstant = true;
  constexpr double operator()(const StepContext&) const { return 0; }
};

// w = 1: the tuned model.
class DraftWeighing : public schedule_text::Member<DraftWeighing> {
 public:
  static constexpr schedule_text::Description kText{"draft", {}, "draft"};
  static constexpr bool kConstant = true;
  constexpr double operator()(const StepContext&) const { return 1; }
};

// w, the same in every step: beyond 1 an extrapolation (reinforcement-learning guidance,
// arXiv 2508.21016), below 0 away from the tuned model. Text: the number, e.g. 0.7.
class ConstantWeighing : public schedule_text::Member<ConstantWeighing, double> {
 public:
  static constexpr schedule_text::Description kText{"", {{"w"}}, "0.7"};
  static constexpr bool kConstant = true, kExtrapolates = true;
  using Member::Member;

  // Empty if w is within [-1000, 1000].
  static std::string Fault(double w) {
    constexpr double kMost = 1000;
    if (std::abs(w) <= kMost) return {};
    return "the weight is " + schedule_text::FormatNumber(w) +
           ", expected a number from -1000 to "
           "1000";
  }

  double operator()(const StepContext&) const { return std::get<0>(values()); }
};

// w = x. Text: linear, linear@time.
template <UnitCoordinate X = coordinate::StepFraction>
class LinearWeighing : public WeighingOver<LinearWeighing<X>, X> {
 public:
  static constexpr schedule_text::Description kText{"linear", {}, "linear@time"};
  constexpr double operator()(const StepContext& step) const { return X::Of(step); }
};

// w = x^p, p >= 0; power_0 is 1 everywhere, also at x = 0. Text: power_2.5, power_2@time.
template <UnitCoordinate X = coordinate::StepFraction>
class PowerWeighing : public WeighingOver<PowerWeighing<X>, X, double> {
 public:
  static constexpr schedule_text::Description kText{"power_", {{"p"}}, "power_2.5"};
  using PowerWeighing::WeighingOver::WeighingOver;

  // Empty if p is finite and >= 0.
  static std::string Fault(double p) {
    if (p >= 0 && !std::isinf(p)) return {};
    return "the exponent of power_p is " + schedule_text::FormatNumber(p) +
           ", expected a finite p >= 0";
  }

  double operator()(const StepContext& step) const {
    const auto& [p] = this->values();
    return std::pow(X::Of(step), p);
  }
};

// w = 1 if x >= f else 0. Over the step fraction, step_0.6 gives the last 40% of the steps to the
// tuned model and step_1 none. Over a falling coordinate (time, sigma) the *early* steps are the
// tuned model's; ReversedWeighing turns that round. Text: step_0.6, step_2@sigma.
template <Coordinate X = coordinate::StepFraction>
class StepWeighing : public WeighingOver<StepWeighing<X>, X, double> {
 public:
  static constexpr schedule_text::Description kText{"step_", {{"f"}}, "step_0.6"};
  using StepWeighing::WeighingOver::WeighingOver;

  // Empty if f is in the coordinate's range.
  static std::string Fault(double f) {
    if (f >= X::kLowest && f <= X::kHighest) return {};
    return "the threshold of step_f is " + schedule_text::FormatNumber(f) + ", expected " +
           schedule_text::FormatNumber(X::kLowest) +
           " <= f <= " + schedule_text::FormatNumber(X::kHighest) + " over " +
           std::string(X::kName);
  }

  double operator()(const StepContext& step) const {
    const auto& [threshold] = this->values();
    return X::Of(step) >= threshold ? 1 : 0;
  }
};

// A point that a PiecewiseWeighing passes through.
struct Knot {
  double x;       // coordinate
  double weight;  // in [0, 1]

  std::string name() const {
    return schedule_text::FormatNumber(x) + ":" + schedule_text::FormatNumber(weight);
  }
};

// w is linear between neighbouring knots, and the first or last knot's weight outside them.
// Text: piecewise(0:0,0.5:1), piecewise(0.3:1,5:0)@sigma.
template <Coordinate X = coordinate::StepFraction>
class PiecewiseWeighing : public WeighingOver<PiecewiseWeighing<X>, X, std::vector<Knot>> {
 public:
  static constexpr schedule_text::Description kText{
      "piecewise", {{"x:w,..."}}, "piecewise(0:0,0.5:1)"};
  using PiecewiseWeighing::WeighingOver::WeighingOver;

  // Empty if there are knots, all in the coordinate's range with a weight in [0, 1], and they
  // ascend strictly.
  static std::string Fault(const std::vector<Knot>& knots);

  double operator()(const StepContext& step) const {
    const auto& [knots] = this->values();
    const double x = X::Of(step);
    const auto after = std::upper_bound(knots.begin(), knots.end(), x,
                                        [](double at, const Knot& knot) { return at < knot.x; });
    if (after == knots.begin()) return knots.front().weight;
    if (after == knots.end()) return knots.back().weight;
    const Knot& left = *(after - 1);
    return std::lerp(left.weight, after->weight, (x - left.x) / (after->x - left.x));
  }

  static Parsed<PiecewiseWeighing> FromTerm(const schedule_text::Term& term);
};

template <Coordinate X>
std::string PiecewiseWeighing<X>::Fault(const std::vector<Knot>& knots) {
  using schedule_text::FormatNumber;
  if (knots.empty()) return "piecewise has no knots, expected x:w,...";
  for (std::size_t i = 0; i < knots.size(); ++i) {
    const auto [x, weight] = knots[i];
    const std::string knot = "piecewise's knot " + knots[i].name();
    if (!(x >= X::kLowest && x <= X::kHighest)) {
      return knot + " is outside " + std::string(X::kName) + "'s range, " +
             FormatNumber(X::kLowest) + " to " + FormatNumber(X::kHighest);
    }
    if (!(weight >= 0 && weight <= 1)) return knot + " has a weight outside 0 to 1";
    if (i > 0 && x <= knots[i - 1].x) {
      return knot + " doesn't lie above the knot before it, " + FormatNumber(knots[i - 1].x);
    }
  }
  return {};
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
  return PiecewiseWeighing::Make(std::move(knots));
}

// w = weights[k] for k/n <= x < (k+1)/n, n = weights.size(). With n = N over the step fraction,
// step i has weights[i]; a table learnt for n steps serves any N. Text: table(0,0.2,1),
// table(1,0)@time.
template <UnitCoordinate X = coordinate::StepFraction>
class TabulatedWeighing : public WeighingOver<TabulatedWeighing<X>, X, std::vector<double>> {
 public:
  static constexpr schedule_text::Description kText{"table", {{"w,..."}}, "table(0,0.2,1)"};
  using TabulatedWeighing::WeighingOver::WeighingOver;

  // Empty if there are weights, all in [0, 1].
  static std::string Fault(const std::vector<double>& weights) {
    if (weights.empty()) return "table has no weights, expected w,...";
    for (const double weight : weights) {
      if (weight >= 0 && weight <= 1) continue;
      return "table's weight " + schedule_text::FormatNumber(weight) + " is outside 0 to 1";
    }
    return {};
  }

  double operator()(const StepContext& step) const {
    const auto& [weights] = this->values();
    // x n may round across a whole number; comparing x with k/n doesn't: equal fractions have
    // equal quotients.
    const double x = X::Of(step), n = static_cast<double>(weights.size());
    auto k = static_cast<std::size_t>(std::clamp(x * n, 0.0, n - 1));
    if (k + 1 < weights.size() && x >= static_cast<double>(k + 1) / n) ++k;
    if (k > 0 && x < static_cast<double>(k) / n) --k;
    return weights[k];
  }

  static Parsed<TabulatedWeighing> FromTerm(const schedule_text::Term& term) {
    Parsed<std::vector<double>> weights =
        schedule_text::ReadNumbers(term, 1, schedule_text::kMaxTextLength);
    return weights.ok() ? TabulatedWeighing::Make(*std::move(weights))
                        : ParseError{weights.error()};
  }
};

// w = inner if a <= x < b else 0. The coordinate is the bounds'; the inner function has its own:
// interval(0.3,5,linear)@sigma is i/N while 0.3 <= sigma < 5.
template <Coordinate X, Weighing W>
class IntervalWeighing : public WeighingOver<IntervalWeighing<X, W>, X, double, double, W> {
 public:
  static constexpr schedule_text::Description kText{
      "interval", {{"a"}, {"b"}, {"T"}}, "interval(0.3,5,linear)@sigma", "a, b and a weight type"};
  using IntervalWeighing::WeighingOver::WeighingOver;

  // Empty if a < b, both in the coordinate's range.
  static std::string Fault(double a, double b, const W&) {
    using schedule_text::FormatNumber;
    if (X::kLowest <= a && a < b && b <= X::kHighest) return {};
    return "the bounds of interval are " + FormatNumber(a) + " and " + FormatNumber(b) +
           ", expected a < b within " + FormatNumber(X::kLowest) + " to " +
           FormatNumber(X::kHighest) + " over " + std::string(X::kName);
  }

  double operator()(const StepContext& step) const {
    const auto& [a, b, inner] = this->values();
    const double x = X::Of(step);
    return a <= x && x < b ? static_cast<double>(inner(step)) : 0;
  }
};

// w = min(max(inner, lo), hi), 0 <= lo <= hi <= 1.
template <Weighing W>
class ClampedWeighing : public schedule_text::Member<ClampedWeighing<W>, W, double, double> {
 public:
  static constexpr schedule_text::Description kText{
      "clamp", {{"T"}, {"lo"}, {"hi"}}, "clamp(linear,0.2,0.8)", "a weight type, lo and hi"};
  using ClampedWeighing::Member::Member;

  // Empty if 0 <= lo <= hi <= 1.
  static std::string Fault(const W&, double lo, double hi) {
    if (lo >= 0 && lo <= hi && hi <= 1) return {};
    return "the bounds of clamp are " + schedule_text::FormatNumber(lo) + " and " +
           schedule_text::FormatNumber(hi) + ", expected 0 <= lo <= hi <= 1";
  }

  double operator()(const StepContext& step) const {
    const auto& [inner, lo, hi] = this->values();
    return std::clamp<double>(inner(step), lo, hi);
  }
};
template <Weighing W>
ClampedWeighing(W, double, double) -> ClampedWeighing<W>;

// w = 1 - inner: where the base model was, the tuned model is. reversed(step_0.6) is the tuned
// model first and the base model from 0.6 on.
template <Weighing W>
class ReversedWeighing : public schedule_text::Member<ReversedWeighing<W>, W> {
 public:
  static constexpr schedule_text::Description kText{
      "reversed", {{"T"}}, "reversed(step_2@sigma)", "one weight type"};
  using ReversedWeighing::Member::Member;
  static std::string Fault(const W&) { return {}; }

  double operator()(const StepContext& step) const {
    const auto& [inner] = this->values();
    return 1 - inner(step);
  }
};
template <Weighing W>
ReversedWeighing(W) -> ReversedWeighing<W>;

// w = a b, held within -1e6 and 1e6, so that it is finite. Products nest to the left for more
// factors, and their name is flat then: ProductWeighing(ProductWeighing(a, b), c).name() ->
// "product(a,b,c)". Text: product(linear,step_0.6), product(a,b,c,...).
template <Weighing A, Weighing B>
class ProductWeighing {
 public:
  ProductWeighing(A a, B b) : a_(std::move(a)), b_(std::move(b)) {}

  constexpr double operator()(const StepContext& step) const {
    return std::clamp<double>(a_(step) * b_(step), -1e6, 1e6);
  }

  std::string name() const
  requires NamedWeighing<A> && NamedWeighing<B>
  {
    const std::string head = "product(", left = a_.name();
    const std::string factors =
        left.starts_with(head) ? left.substr(head.size(), left.size() - head.size() - 1) : left;
    return head + factors + "," + std::string(b_.name()) + ")";
  }

 private:
  A a_;
  B b_;
};

static_assert(NamedWeighing<BaseWeighing>, "BaseWeighing is a weighing function");
static_assert(NamedWeighing<DraftWeighing>, "DraftWeighing is a weighing function");
static_assert(NamedWeighing<LinearWeighing<>>, "LinearWeighing is a weighing function");
static_assert(NamedWeighing<PowerWeighing<>>, "PowerWeighing is a weighing function");
static_assert(NamedWeighing<StepWeighing<>>, "StepWeighing is a weighing function");
static_assert(NamedWeighing<PiecewiseWeighing<>>, "PiecewiseWeighing is a weighing function");
static_assert(NamedWeighing<TabulatedWeighing<>>, "TabulatedWeighing is a weighing function");
static_assert(NamedWeighing<IntervalWeighing<coordinate::Sigma, DraftWeighing>>,
              "IntervalWeighing is a weighing function");
static_assert(NamedWeighing<ClampedWeighing<DraftWeighing>>,
              "ClampedWeighing is a weighing function");
static_assert(NamedWeighing<ReversedWeighing<BaseWeighing>>,
              "ReversedWeighing is a weighing function");
static_assert(NamedWeighing<ProductWeighing<BaseWeighing, DraftWeighing>>,
              "ProductWeighing is a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_WEIGHINGS_H_
