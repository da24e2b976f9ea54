// Parsed<T>: what reading a text gives, either a value or the reason why there is none.
#ifndef DRAFTP_SCHEDULE_PARSED_H_
#define DRAFTP_SCHEDULE_PARSED_H_

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

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

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_PARSED_H_
