// Weighing functions from text: the one list of all members, ParseWeighing and ParseWeighingList.
#ifndef DRAFTP_SCHEDULE_PARSE_WEIGHING_H_
#define DRAFTP_SCHEDULE_PARSE_WEIGHING_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "draftp/schedule/coordinate.h"
#include "draftp/schedule/form.h"
#include "draftp/schedule/text.h"
#include "draftp/schedule/weighing.h"
#include "draftp/schedule/weighings.h"

namespace draftp {

namespace schedule_text {

// One of Ws, which are one member over different coordinates: that over the coordinate of `term`,
// the first if it names none.
template <NamedWeighing... Ws>
Parsed<AnyWeighing> ReadOver(const Term& term) {
  std::optional<Parsed<AnyWeighing>> result;
  std::string names;
  const auto consider = [&]<class W>() {
    constexpr std::string_view name = W::Over::kName;
    const bool is_default = term.coordinate.empty() && names.empty();
    names += std::string(names.empty() ? "@" : " or @") + std::string(name);
    if (is_default || term.coordinate == name) result = FormOf<AnyWeighing, W>().read(term);
  };
  (consider.template operator()<Ws>(), ...);
  if (result) return *result;
  return ParseError{"the coordinate of " + std::string(term.word) + " is " +
                    Quote(term.coordinate) + ", expected " + names};
}

template <NamedWeighing W, NamedWeighing... Ws>
constexpr Form<AnyWeighing> FormOver() {
  return {W::kText.word, kPattern<W, typename W::Over, typename Ws::Over...>, W::kText.example,
          ReadOver<W, Ws...>};
}

// The rows of members by what their type depends on.
template <NamedWeighing W>
constexpr Form<AnyWeighing> OverNone() {
  return FormOf<AnyWeighing, W>();
}

template <class... Xs>
struct Coordinates {};

template <template <UnitCoordinate> class W>
constexpr Form<AnyWeighing> OverUnit() {
  return []<UnitCoordinate... Xs>(Coordinates<Xs...>) {
    return FormOver<W<Xs>...>();
  }(Coordinates<coordinate::StepFraction, coordinate::Time>());
}

template <template <Coordinate> class W>
constexpr Form<AnyWeighing> OverAny() {
  return []<Coordinate... Xs>(Coordinates<Xs...>) {
    return FormOver<W<Xs>...>();
  }(Coordinates<coordinate::StepFraction, coordinate::Time, coordinate::Sigma,
                coordinate::LogSnr>());
}

template <Coordinate X>
using IntervalOfAny = IntervalWeighing<X, AnyWeighing>;

inline Parsed<AnyWeighing> ReadProduct(const Term& term) {
  if (term.arguments.size() < 2) return ParseError{"product needs at least two factors"};
  Parsed<AnyWeighing> product = AnyWeighing::FromTerm(term.arguments[0]);
  for (std::size_t i = 1; product.ok() && i < term.arguments.size(); ++i) {
    Parsed<AnyWeighing> factor = AnyWeighing::FromTerm(term.arguments[i]);
    if (!factor.ok()) return factor;
    product = AnyWeighing(ProductWeighing<AnyWeighing, AnyWeighing>(*product, *factor));
  }
  return product;
}

// The members: a new one is a line here.
inline constexpr Form<AnyWeighing> kWeighingForms[] = {
    OverNone<BaseWeighing>(),
    OverNone<DraftWeighing>(),
    OverNone<ConstantWeighing>(),
    OverUnit<LinearWeighing>(),
    OverUnit<PowerWeighing>(),
    OverAny<StepWeighing>(),
    OverAny<PiecewiseWeighing>(),
    OverUnit<TabulatedWeighing>(),
    {"product", "product(T,T,...)", "product(linear,step_0.6)", ReadProduct},
    OverNone<ClampedWeighing<AnyWeighing>>(),
    OverNone<ReversedWeighing<AnyWeighing>>(),
    OverAny<IntervalOfAny>(),
};

}  // namespace schedule_text

inline Parsed<AnyWeighing> AnyWeighing::FromTerm(const schedule_text::Term& term) {
  return schedule_text::ReadForm<AnyWeighing>(term, schedule_text::kWeighingForms);
}

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
