// Forms: the table of what a family of schedules (weighings, noise levels, ...) reads from text.
#ifndef DRAFTP_SCHEDULE_FORM_H_
#define DRAFTP_SCHEDULE_FORM_H_

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "draftp/schedule/member.h"
#include "draftp/schedule/text.h"

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

// `linear(from,to,steps)`, `edm[(smin,smax,rho)]`, `step_f[@step|sigma]`: a member's pattern, put
// together at compile time.
class Pattern {
 public:
  constexpr Pattern(const Description& text, std::initializer_list<std::string_view> coordinates) {
    Append(text.word.empty() ? "a number" : text.word);
    const bool parenthesised = text.parenthesised(), optional = text.required() < text.size();
    for (int i = 0; i < text.size() && !text.word.empty(); ++i) {
      if (optional && i == text.required()) Append("[");
      if (i > 0 || parenthesised) Append(i > 0 ? "," : "(");
      Append(text.parameters[i].name);
    }
    if (optional && text.required() > 0) Append("]");
    if (text.size() > 0 && parenthesised) Append(")");
    if (optional && text.required() == 0) Append("]");
    std::string_view before = "[@";
    for (const std::string_view coordinate : coordinates) {
      Append(std::exchange(before, "|"));
      Append(coordinate);
    }
    if (coordinates.size() > 0) Append("]");
  }

  constexpr operator std::string_view() const { return {text_, size_}; }

 private:
  constexpr void Append(std::string_view part) {
    for (const char c : part) text_[size_++] = c;
  }

  char text_[80] = {};
  std::size_t size_ = 0;
};

template <class M, class... Coordinates>
inline constexpr Pattern kPattern(M::kText, {Coordinates::kName...});

// The row of a member M (member.h). Its FromTerm may ask for the context.
template <class T, class M, class... Context>
constexpr Form<T, Context...> FormOf() {
  return {M::kText.word, kPattern<M>, M::kText.example,
          [](const Term& term, const Context&... context) -> Parsed<T> {
            auto member = [&] {
              if constexpr (requires { M::FromTerm(term, context...); }) {
                return M::FromTerm(term, context...);
              } else {
                return M::FromTerm(term);
              }
            }();
            if (!member.ok()) return ParseError{member.error()};
            return T(*std::move(member));
          }};
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
