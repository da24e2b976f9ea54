// Forms: the table of what a family of schedules (weighings, noise levels, ...) reads from text.
#ifndef DRAFTP_SCHEDULE_FORM_H_
#define DRAFTP_SCHEDULE_FORM_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "draftp/schedule/number.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/term.h"

namespace draftp::schedule_text {

// One row of a family's table. T is the family's type-erased member, e.g. AnyWeighing; Context what
// its members read besides their text, e.g. what a checkpoint was trained on.
template <class T, class... Context>
struct Form {
  // The word that names the form; with a trailing '_', what comes before its number ("power_"
  // for power_2.5); empty for the form that is a bare number.
  std::string_view key;
  // As errors and docs list it. It also rules what is let through to `read`: "(...)" if the form
  // needs arguments, "[(...)]" if it may have some, "[@...]" if it may name a coordinate.
  std::string_view pattern;
  std::string_view example;  // a text of this form
  Parsed<T> (*read)(const Term&, const Context&...);
};

template <class T, class... Context>
using Forms = std::span<const Form<T, Context...>>;

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

// Between `least` and `most` arguments that are bare numbers.
inline Parsed<std::vector<double>> ReadNumbers(const Term& term, std::size_t least,
                                               std::size_t most) {
  if (term.arguments.size() < least || term.arguments.size() > most) {
    const std::string expected =
        least == most ? std::to_string(least)
                      : "between " + std::to_string(least) + " and " + std::to_string(most);
    return ParseError{std::string(term.word) + " has " + std::to_string(term.arguments.size()) +
                      " arguments, expected " + expected};
  }
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

template <class T, class... Context>
bool Matches(const Form<T, Context...>& form, const Term& term) {
  if (form.key.empty()) return ParseNumber(term.word).has_value();
  if (form.key.ends_with('_')) return term.word.starts_with(form.key);
  return term.word == form.key;
}

// What `term` means in the family of `forms`. The error says what is wrong with it alone.
template <class T, class... Context>
Parsed<T> ReadForm(const Term& term, std::type_identity_t<Forms<T, Context...>> forms,
                   const Context&... context) {
  for (const Form<T, Context...>& form : forms) {
    if (!Matches(form, term)) continue;
    const std::string word(term.word);
    if (!term.knot_weight.empty()) return ParseError{word + " can't be followed by ':'"};
    const bool takes = form.pattern.find('(') != std::string_view::npos;
    const bool needs = takes && form.pattern.find("[(") == std::string_view::npos;
    if (term.called && !takes) return ParseError{word + " takes no (...)"};
    if (!term.called && needs) {
      return ParseError{word + " needs (...), as in " + std::string(form.example)};
    }
    if (!term.coordinate.empty() && form.pattern.find("[@") == std::string_view::npos) {
      return ParseError{word + " takes no @coordinate"};
    }
    return form.read(term, context...);
  }
  return ParseError{"unknown name " + Quote(term.word)};
}

template <class T, class... Context>
std::string ListForms(std::type_identity_t<Forms<T, Context...>> forms) {
  std::string list;
  for (const Form<T, Context...>& form : forms)
    list.append(list.empty() ? "" : ", ").append(form.pattern);
  return list;
}

// Reads `text` as a member of the family of `forms`; `what` names the family in the error:
//   weight type "cubic": unknown name "cubic"; valid forms: base, draft, ...
template <class T, class... Context>
Parsed<T> ParseForm(std::string_view what, std::string_view text,
                    std::type_identity_t<Forms<T, Context...>> forms, const Context&... context) {
  const Parsed<Term> term = ParseTerm(text);
  Parsed<T> result = term.ok() ? ReadForm<T, Context...>(*term, forms, context...)
                               : Parsed<T>(ParseError{term.error()});
  if (result.ok()) return result;
  return ParseError{std::string(what) + " " + Quote(text) + ": " + result.error() +
                    "; valid forms: " + ListForms<T, Context...>(forms)};
}

}  // namespace draftp::schedule_text

#endif  // DRAFTP_SCHEDULE_FORM_H_
