// Numbers as schedules read and print them: decimal, finite, the same under every locale.
#ifndef DRAFTP_SCHEDULE_NUMBER_H_
#define DRAFTP_SCHEDULE_NUMBER_H_

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace draftp::schedule_text {

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

}  // namespace draftp::schedule_text

#endif  // DRAFTP_SCHEDULE_NUMBER_H_
