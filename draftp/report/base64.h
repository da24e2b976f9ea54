// Base64, for pictures inside a page. The standard library only.
#ifndef DRAFTP_REPORT_BASE64_H_
#define DRAFTP_REPORT_BASE64_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace draftp {

// RFC 4648, section 4: with padding, without line ends.
inline std::string Base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t group = 0;
    for (size_t i = at; i < at + 3; ++i)
      group = group << 8 | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u);
    for (size_t digit = 0; digit < 4; ++digit) {
      const bool padding = at + digit > bytes.size();
      text += padding ? '=' : kDigits[group >> (18 - 6 * digit) & 63];
    }
  }
  return text;
}

}  // namespace draftp

#endif  // DRAFTP_REPORT_BASE64_H_
