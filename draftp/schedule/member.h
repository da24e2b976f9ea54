// Members that declare their parameters once: making, checking, reading and printing follow.
#ifndef DRAFTP_SCHEDULE_MEMBER_H_
#define DRAFTP_SCHEDULE_MEMBER_H_

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "draftp/schedule/text.h"

namespace draftp::schedule_text {

// A parameter as patterns and errors name it.
struct Parameter {
  constexpr Parameter() = default;
  constexpr Parameter(const char* name, std::optional<double> otherwise = {})  // NOLINT
      : name(name), otherwise(otherwise) {}

  std::string_view name;
  std::optional<double> otherwise;  // if left out; such parameters come last
};

// What a member says of its text.
struct Description {
  // What names the member; with a trailing '_', what comes before its number ("power_" for
  // power_2.5); empty for the member that is a bare number.
  std::string_view word;
  Parameter parameters[4];          // in their order; the rest is nameless
  std::string_view example;         // a text of the member
  std::string_view arguments = {};  // for an error, where they aren't numbers

  constexpr int size() const {
    return static_cast<int>(
        std::ranges::count_if(parameters, [](const Parameter& p) { return !p.name.empty(); }));
  }
  // How many parameters have no default.
  constexpr int required() const {
    return static_cast<int>(std::ranges::count_if(
        parameters, [](const Parameter& p) { return !p.name.empty() && !p.otherwise; }));
  }
  constexpr bool parenthesised() const { return !word.empty() && !word.ends_with('_'); }
};

inline std::string ToText(double value) { return FormatNumber(value); }
inline std::string ToText(std::int64_t value) { return std::to_string(value); }
template <class T>
requires requires(const T& t) {
  { t.name() } -> std::convertible_to<std::string>;
}
std::string ToText(const T& value) {
  return value.name();
}
template <class T>
std::string ToText(const std::vector<T>& values) {
  std::string list;
  for (const T& value : values) list += (list.empty() ? "" : ",") + ToText(value);
  return list;
}

template <class T>
concept HasText = requires(const T& value) { ToText(value); };

// The number behind `key` in a word such as power_2.5 (key "power_").
inline Parsed<double> ReadSuffix(const Term& term, std::string_view key) {
  const std::string_view digits = term.word.substr(key.size());
  if (const std::optional<double> number = ParseNumber(digits)) return *number;
  if (digits.empty()) return ParseError{Quote(term.word) + " lacks the number after '_'"};
  return ParseError{Quote(digits) + " in " + Quote(term.word) + " is not a finite decimal number"};
}

// A term that is a bare number.
inline Parsed<double> ReadNumber(const Term& term) {
  const bool bare = !term.called && term.coordinate.empty() && term.knot_weight.empty();
  if (const std::optional<double> number = ParseNumber(term.word); bare && number) return *number;
  return ParseError{Quote(term.word) + " is not a finite decimal number"};
}

// The error unless the term has between `least` and `most` arguments; empty if it has.
inline std::string CountError(const Term& term, std::size_t least, std::size_t most) {
  if (term.arguments.size() >= least && term.arguments.size() <= most) return {};
  const std::string expected =
      least == most ? std::to_string(least)
                    : "between " + std::to_string(least) + " and " + std::to_string(most);
  return std::string(term.word) + " has " + std::to_string(term.arguments.size()) +
         " arguments, expected " + expected;
}

// Between `least` and `most` arguments that are bare numbers.
inline Parsed<std::vector<double>> ReadNumbers(const Term& term, std::size_t least,
                                               std::size_t most) {
  if (std::string error = CountError(term, least, most); !error.empty()) return ParseError{error};
  std::vector<double> numbers;
  for (const Term& argument : term.arguments) {
    const Parsed<double> number = ReadNumber(argument);
    if (!number.ok()) return ParseError{number.error()};
    numbers.push_back(*number);
  }
  return numbers;
}

// A number of steps: a whole number in [0, 1e9]. `what` names it in the error.
inline Parsed<std::int64_t> ToCount(double number, std::string_view what) {
  if (number >= 0 && number <= 1e9 && number == std::floor(number)) {
    return static_cast<std::int64_t>(number);
  }
  return ParseError{std::string(what) + " is " + FormatNumber(number) +
                    ", expected a whole number from 0 to 1000000000"};
}

// A parameter of type P: a double, a number of steps (std::int64_t), or what P::FromTerm reads.
template <class P>
Parsed<P> ReadParameter(const Term& term, const Parameter& parameter) {
  if constexpr (std::same_as<P, double>) {
    return ReadNumber(term);
  } else if constexpr (std::same_as<P, std::int64_t>) {
    const Parsed<double> number = ReadNumber(term);
    return number.ok() ? ToCount(*number, parameter.name) : ParseError{number.error()};
  } else {
    return P::FromTerm(term);
  }
}

// The base of a member D with parameters of the types P. D declares
//   static constexpr schedule_text::Description kText{"linear", {{"from"}, {"to"}, {"steps"}},
//                                                     "linear(1,0.1,2000)"};
//   static std::string Fault(double from, double to, std::int64_t steps);  // empty if all is well
// (no Fault without parameters) and uses the constructor of this base; inside,
//   const auto& [from, to, steps] = values();
// has what it was made with.
template <class D, class... P>
class Member {
 public:
  // The error if the values have a fault.
  static Parsed<D> Make(P... values) {
    if constexpr (sizeof...(P) > 0) {
      std::string fault = D::Fault(values...);
      if (!fault.empty()) return ParseError{std::move(fault)};
    }
    return D(std::move(values)...);
  }

  // Throws std::invalid_argument where Make gives an error.
  constexpr explicit(sizeof...(P) == 1) Member(P... values) : values_(std::move(values)...) {
    static_assert(D::kText.size() == sizeof...(P), "kText names each parameter");
    if constexpr (sizeof...(P) > 0) {
      const std::string fault = std::apply(D::Fault, values_);
      if (!fault.empty()) throw std::invalid_argument(fault);
    }
  }

  // The canonical text: FromTerm reads it back as an equal member. Defaults are left out.
  std::string name() const
  requires(HasText<P> && ...)
  {
    std::string text(D::kText.word);
    const int shown = AreDefaults() ? D::kText.required() : D::kText.size();
    int i = 0;
    const auto append = [&](const auto& value) {
      if (i++ >= shown) return;
      text.append(i > 1 ? "," : D::kText.parenthesised() ? "(" : "").append(ToText(value));
    };
    std::apply([&](const P&... values) { (append(values), ...); }, values_);
    return shown > 0 && D::kText.parenthesised() ? text + ")" : text;
  }

  // The member that a term of its word means.
  static Parsed<D> FromTerm(const Term& term) {
    if constexpr (sizeof...(P) == 0) {
      return D();
    } else if constexpr (!D::kText.parenthesised()) {
      const Parsed<double> number =
          D::kText.word.empty() ? ReadNumber(term) : ReadSuffix(term, D::kText.word);
      return number.ok() ? D::Make(*number) : ParseError{number.error()};
    } else {
      return FromArguments(term, std::index_sequence_for<P...>());
    }
  }

 protected:
  constexpr const std::tuple<P...>& values() const { return values_; }

 private:
  // Whether there are parameters with defaults, and all of them have these.
  bool AreDefaults() const {
    bool all = D::kText.required() < D::kText.size();
    const Parameter* parameter = D::kText.parameters;
    const auto compare = [&]<class V>(const V& value) {
      if constexpr (std::same_as<V, double>) {
        all = all && parameter->otherwise.value_or(value) == value;
      }
      ++parameter;
    };
    std::apply([&](const P&... values) { (compare(values), ...); }, values_);
    return all;
  }

  template <std::size_t I>
  static auto ReadArgument(const Term& term) {
    using Type = std::tuple_element_t<I, std::tuple<P...>>;
    constexpr const Parameter& parameter = D::kText.parameters[I];
    if constexpr (parameter.otherwise.has_value()) {
      if (I >= term.arguments.size()) return Parsed<Type>(*parameter.otherwise);
    }
    return ReadParameter<Type>(term.arguments[I], parameter);
  }

  template <std::size_t... I>
  static Parsed<D> FromArguments(const Term& term, std::index_sequence<I...>) {
    constexpr std::size_t most = sizeof...(P), required = D::kText.required();
    // Defaults of all parameters are for the word alone.
    const std::size_t least = required == 0 && term.called ? most : required;
    if (const std::string error = CountError(term, least, most); !error.empty()) {
      if (D::kText.arguments.empty()) return ParseError{error};
      return ParseError{std::string(term.word) + " needs " + std::string(D::kText.arguments)};
    }
    const std::tuple<Parsed<P>...> read{ReadArgument<I>(term)...};
    std::string error;
    ((error = error.empty() ? std::get<I>(read).error() : error), ...);
    return error.empty() ? D::Make(*std::get<I>(read)...) : ParseError{error};
  }

  std::tuple<P...> values_;
};

}  // namespace draftp::schedule_text

#endif  // DRAFTP_SCHEDULE_MEMBER_H_
