// Weighing functions from text: the one list of all members, ParseWeighing and ParseWeighingList.
#ifndef DRAFTP_SCHEDULE_PARSE_WEIGHING_H_
#define DRAFTP_SCHEDULE_PARSE_WEIGHING_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "draftp/schedule/any_weighing.h"
#include "draftp/schedule/clamped_weighing.h"
#include "draftp/schedule/constant_weighing.h"
#include "draftp/schedule/coordinate.h"
#include "draftp/schedule/form.h"
#include "draftp/schedule/interval_weighing.h"
#include "draftp/schedule/linear_weighing.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/piecewise_weighing.h"
#include "draftp/schedule/power_weighing.h"
#include "draftp/schedule/product_weighing.h"
#include "draftp/schedule/reversed_weighing.h"
#include "draftp/schedule/step_weighing.h"
#include "draftp/schedule/tabulated_weighing.h"
#include "draftp/schedule/term.h"

namespace draftp {

namespace schedule_text {

// The term of a weighing function, itself or inside a composition.
Parsed<AnyWeighing> ReadWeighing(const Term& term);

template <class W>
Parsed<AnyWeighing> ToAny(Parsed<W> weighing) {
  if (!weighing.ok()) return ParseError{weighing.error()};
  return AnyWeighing(*std::move(weighing));
}

// Calls `read.operator()<X>()` with the coordinate of `term` out of Xs, the first if it names none.
template <Coordinate... Xs, class Read>
Parsed<AnyWeighing> WithCoordinate(const Term& term, Read read) {
  std::optional<Parsed<AnyWeighing>> result;
  std::string names;
  const auto consider = [&]<class X>() {
    const bool is_default = term.coordinate.empty() && names.empty();
    names += std::string(names.empty() ? "@" : " or @") + std::string(X::kName);
    if (is_default || term.coordinate == X::kName) result = read.template operator()<X>();
  };
  (consider.template operator()<Xs>(), ...);
  if (result) return *result;
  return ParseError{"the coordinate of " + std::string(term.word) + " is " +
                    Quote(term.coordinate) + ", expected " + names};
}

// Readers of members by what their type depends on; each calls the member's FromTerm.
template <NamedWeighing W>
Parsed<AnyWeighing> Read(const Term& term) {
  return ToAny(W::FromTerm(term));
}

template <template <UnitCoordinate> class W>
Parsed<AnyWeighing> ReadOverUnit(const Term& term) {
  return WithCoordinate<coordinate::StepFraction, coordinate::Time>(
      term, [&]<class X>() { return ToAny(W<X>::FromTerm(term)); });
}

template <template <Coordinate> class W>
Parsed<AnyWeighing> ReadOverAny(const Term& term) {
  return WithCoordinate<coordinate::StepFraction, coordinate::Time, coordinate::Sigma,
                        coordinate::LogSnr>(term,
                                            [&]<class X>() { return ToAny(W<X>::FromTerm(term)); });
}

inline Parsed<AnyWeighing> ReadProduct(const Term& term) {
  if (term.arguments.size() < 2) return ParseError{"product needs at least two factors"};
  Parsed<AnyWeighing> product = ReadWeighing(term.arguments[0]);
  for (std::size_t i = 1; product.ok() && i < term.arguments.size(); ++i) {
    Parsed<AnyWeighing> factor = ReadWeighing(term.arguments[i]);
    if (!factor.ok()) return factor;
    product = AnyWeighing(ProductWeighing<AnyWeighing, AnyWeighing>(*product, *factor));
  }
  return product;
}

inline Parsed<AnyWeighing> ReadClamp(const Term& term) {
  if (term.arguments.size() != 3) return ParseError{"clamp needs a weight type, lo and hi"};
  const Parsed<AnyWeighing> inner = ReadWeighing(term.arguments[0]);
  if (!inner.ok()) return inner;
  const Parsed<double> lo = ReadNumber(term.arguments[1]), hi = ReadNumber(term.arguments[2]);
  if (!lo.ok() || !hi.ok()) return ParseError{lo.ok() ? hi.error() : lo.error()};
  return ToAny(ClampedWeighing<AnyWeighing>::Make(*inner, *lo, *hi));
}

inline Parsed<AnyWeighing> ReadReversed(const Term& term) {
  if (term.arguments.size() != 1) return ParseError{"reversed needs one weight type"};
  const Parsed<AnyWeighing> inner = ReadWeighing(term.arguments[0]);
  if (!inner.ok()) return inner;
  return AnyWeighing(ReversedWeighing<AnyWeighing>(*inner));
}

inline Parsed<AnyWeighing> ReadInterval(const Term& term) {
  if (term.arguments.size() != 3) return ParseError{"interval needs a, b and a weight type"};
  const Parsed<double> a = ReadNumber(term.arguments[0]), b = ReadNumber(term.arguments[1]);
  if (!a.ok() || !b.ok()) return ParseError{a.ok() ? b.error() : a.error()};
  const Parsed<AnyWeighing> inner = ReadWeighing(term.arguments[2]);
  if (!inner.ok()) return inner;
  return WithCoordinate<coordinate::StepFraction, coordinate::Time, coordinate::Sigma,
                        coordinate::LogSnr>(term, [&]<class X>() {
    return ToAny(IntervalWeighing<X, AnyWeighing>::Make(*a, *b, *inner));
  });
}

// The members: a new one is a line here.
inline constexpr Form<AnyWeighing> kWeighingForms[] = {
    {"base", "base", "base", Read<BaseWeighing>},
    {"draft", "draft", "draft", Read<DraftWeighing>},
    {"linear", "linear[@step|time]", "linear@time", ReadOverUnit<LinearWeighing>},
    {"power_", "power_p[@step|time]", "power_2.5", ReadOverUnit<PowerWeighing>},
    {"step_", "step_f[@step|time|sigma|logsnr]", "step_0.6", ReadOverAny<StepWeighing>},
    {"piecewise", "piecewise(x:w,...)[@step|time|sigma|logsnr]", "piecewise(0:0,0.5:1)",
     ReadOverAny<PiecewiseWeighing>},
    {"table", "table(w,...)[@step|time]", "table(0,0.2,1)", ReadOverUnit<TabulatedWeighing>},
    {"product", "product(T,T,...)", "product(linear,step_0.6)", ReadProduct},
    {"clamp", "clamp(T,lo,hi)", "clamp(linear,0.2,0.8)", ReadClamp},
    {"reversed", "reversed(T)", "reversed(step_2@sigma)", ReadReversed},
    {"interval", "interval(a,b,T)[@step|time|sigma|logsnr]", "interval(0.3,5,linear)@sigma",
     ReadInterval},
};

inline Parsed<AnyWeighing> ReadWeighing(const Term& term) {
  return ReadForm<AnyWeighing>(term, kWeighingForms);
}

}  // namespace schedule_text

// The weighing function that `text` names; docs/schedules.md has the syntax. The result's name()
// is canonical: ParseWeighing("power_2.50")->name() is "power_2.5". Any bytes are safe; the error
// is one line that lists the valid forms.
inline Parsed<AnyWeighing> ParseWeighing(std::string_view text) {
  return schedule_text::ParseForm<AnyWeighing>("weight type", text, schedule_text::kWeighingForms);
}

// An item of a list of weight types.
struct WeightType {
  std::string text;      // as typed, without the spaces around it; names its output folder
  AnyWeighing weighing;  // what it means
};

// The items of a comma-separated list, e.g. "base, draft, step_0.6". The error if an item is
// malformed or empty, or if two mean the same, whatever their spelling.
inline Parsed<std::vector<WeightType>> ParseWeighingList(std::string_view text) {
  std::vector<WeightType> types;
  for (const std::string_view item : schedule_text::SplitList(text)) {
    if (item.empty()) {
      return ParseError{"weight types " + schedule_text::Quote(text) +
                        ": an item is empty; valid forms: " +
                        schedule_text::ListForms<AnyWeighing>(schedule_text::kWeighingForms)};
    }
    Parsed<AnyWeighing> weighing = ParseWeighing(item);
    if (!weighing.ok()) return ParseError{weighing.error()};
    for (const WeightType& earlier : types) {
      if (earlier.weighing == *weighing) {
        return ParseError{"weight types " + schedule_text::Quote(text) + ": " +
                          schedule_text::Quote(earlier.text) + " and " +
                          schedule_text::Quote(item) + " are the same weight type"};
      }
    }
    types.push_back({std::string(item), *std::move(weighing)});
  }
  return types;
}

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_PARSE_WEIGHING_H_
