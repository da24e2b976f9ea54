// Text as all schedules read and print it: a value or an error, numbers, and
// the one syntax as a tree of terms (docs/schedules.md).
#ifndef DRAFTP_SCHEDULE_TEXT_H_
#define DRAFTP_SCHEDULE_TEXT_H_

#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

namespace draftp {

// Why a text isn't what it should be: one line, without a final period.
struct ParseError {
  std::string message;
};

// A value or a ParseError; the standard library's std::expected (C++23) in the few lines needed.
//
//   Parsed<AnyWeighing> weighing = ParseWeighing(text);
//   if (!weighing.ok()) return absl::InvalidArgumentError(weighing.error());
//   Use(*weighing);
template <class T>
class [[nodiscard]] Parsed {
 public:
  Parsed(T value) : result_(std::in_place_index<0>, std::move(value)) {}           // NOLINT
  Parsed(ParseError error) : result_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return result_.index() == 0; }

  // The value. Throws std::invalid_argument with the error's message if there is none, so that a
  // constructor may say `Make(arguments).value()` about arguments that its caller vouches for. Of
  // an rvalue it is moved out by value, so that `for (x : Parse(text).value())` is safe.
  const T& value() const& {
    Check();
    return *std::get_if<0>(&result_);
  }
  T value() && {
    Check();
    return std::move(*std::get_if<0>(&result_));
  }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }

  // The reason why there is no value; empty if there is one.
  std::string error() const {
    const ParseError* error = std::get_if<1>(&result_);
    return error == nullptr ? std::string() : error->message;
  }

 private:
  void Check() const {
    if (!ok()) throw std::invalid_argument(error());
  }

  std::variant<T, ParseError> result_;
};

namespace schedule_text {

// Numbers are decimal, finite, and the same under every locale.

// The double nearest to a decimal number such as "2", "-0.5", ".25" or "1e-4". Nothing for anything
// else: empty text, "nan", "inf", hexadecimal, a leading '+' or space, trailing characters, a
// number beyond the range of doubles. "-0" is 0.
inline std::optional<double> ParseNumber(std::string_view text) {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || (digits[0] != '.' && (digits[0] < '0' || digits[0] > '9'))) return {};
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::general);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return {};
  return value + 0.0;  // -0.0 + 0.0 is 0.0
}

// The shortest text that ParseNumber reads back as the same finite double: 2.50 -> "2.5".
inline std::string FormatNumber(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return error == std::errc() ? std::string(buffer, end) : std::string();
}

// A node of the syntax tree, e.g. of `interval(0.3, 5, linear)@sigma`:
//   word "interval", arguments {0.3, 5, linear}, called, coordinate "sigma".
// What the words mean is the business of each family's forms (form.h).
// Views point into the parsed text and must not outlive it.
struct Term {
  std::string_view word;         // "interval", "power_2.5", "0.3"; never empty
  std::vector<Term> arguments;   // between the parentheses
  bool called = false;           // has parentheses
  std::string_view coordinate;   // after '@'; empty if there is none
  std::string_view knot_weight;  // after ':', in an argument such as 0.5:1; empty if there is none
};

inline constexpr std::size_t kMaxTextLength = 4096;
inline constexpr int kMaxDepth = 16;

// `text` in quotes for a one-line message: bytes outside printable ASCII as \xHH, cut at 80.
inline std::string Quote(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  constexpr std::size_t kLongest = 80;
  std::string quoted = "\"";
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      quoted += c;
    } else {
      quoted += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return quoted + (text.size() > kLongest ? "...\"" : "\"");
}

inline std::string_view StripSpaces(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// Recursive descent over
//   term     = word [ "(" [ argument { "," argument } ] ")" ] [ "@" word ]
//   argument = term [ ":" word ]
//   word     = one or more of A-Z a-z 0-9 _ . + -
// with spaces allowed between tokens.
class TermParser {
 public:
  explicit TermParser(std::string_view text) : text_(text) {}

  Parsed<Term> Parse() {
    if (text_.size() > kMaxTextLength) {
      return ParseError{"is " + std::to_string(text_.size()) + " characters long, at most " +
                        std::to_string(kMaxTextLength) + " are read"};
    }
    Parsed<Term> term = ParseTerm(0);
    if (term.ok() && position_ < text_.size()) return Unexpected("the end");
    return term;
  }

 private:
  Parsed<Term> ParseTerm(int depth) {
    if (depth > kMaxDepth) {
      return ParseError{"is nested deeper than " + std::to_string(kMaxDepth) + " levels"};
    }
    Term term;
    term.word = Word();
    if (term.word.empty()) return Unexpected("a name or a number");
    if (Consume('(')) {
      term.called = true;
      while (!Consume(')')) {
        if (!term.arguments.empty() && !Consume(',')) return Unexpected("',' or ')'");
        Parsed<Term> argument = ParseArgument(depth + 1);
        if (!argument.ok()) return argument;
        term.arguments.push_back(*std::move(argument));
      }
    }
    if (Consume('@')) {
      term.coordinate = Word();
      if (term.coordinate.empty()) return Unexpected("a coordinate after '@'");
    }
    return term;
  }

  Parsed<Term> ParseArgument(int depth) {
    Parsed<Term> parsed = ParseTerm(depth);
    if (!parsed.ok() || !Consume(':')) return parsed;
    Term term = *std::move(parsed);
    term.knot_weight = Word();
    if (term.knot_weight.empty()) return Unexpected("a weight after ':'");
    return term;
  }

  static bool IsWordCharacter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '+' || c == '-';
  }

  void SkipSpaces() {
    while (position_ < text_.size() && text_[position_] == ' ') ++position_;
  }

  std::string_view Word() {
    SkipSpaces();
    const std::size_t begin = position_;
    while (position_ < text_.size() && IsWordCharacter(text_[position_])) ++position_;
    const std::string_view word = text_.substr(begin, position_ - begin);
    SkipSpaces();
    return word;
  }

  bool Consume(char c) {
    if (position_ >= text_.size() || text_[position_] != c) return false;
    ++position_;
    SkipSpaces();
    return true;
  }

  ParseError Unexpected(const std::string& expected) const {
    const std::string found =
        position_ < text_.size()
            ? Quote(text_.substr(position_, 1)) + " at column " + std::to_string(position_ + 1)
            : "the end";
    return {"found " + found + ", expected " + expected};
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

// The tree of `text`. Never fails other than by its error, whatever the bytes.
inline Parsed<Term> ParseTerm(std::string_view text) { return TermParser(text).Parse(); }

// The items of a comma-separated list without the spaces around them; commas inside parentheses
// don't separate. "base, product(draft,linear)" -> {"base", "product(draft,linear)"}; "" -> {""}.
inline std::vector<std::string_view> SplitList(std::string_view text) {
  std::vector<std::string_view> items;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && depth > 0) --depth;
    if (text[i] == ',' && depth == 0) {
      items.push_back(StripSpaces(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  items.push_back(StripSpaces(text.substr(begin)));
  return items;
}

}  // namespace schedule_text

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_TEXT_H_
