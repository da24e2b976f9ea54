// Decodes UTF-8 one code point at a time; what isn't UTF-8 is told apart and never read past its
// end.
#ifndef DRAFTP_IO_UTF8_H_
#define DRAFTP_IO_UTF8_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace draftp {

// U+FFFD, what stands for bytes that aren't UTF-8.
inline constexpr char32_t kReplacementCharacter = 0xFFFD;

struct Utf8Character {
  char32_t code_point;  // kReplacementCharacter when !valid
  int length;           // bytes consumed, at least 1
  bool valid;           // false: truncated, overlong, a surrogate, above U+10FFFF or a stray byte
};

// The character at text[0]; `text` isn't empty. An invalid sequence consumes one byte.
Utf8Character DecodeUtf8(std::string_view text);

// Whether all of `text` is well-formed UTF-8.
bool IsUtf8(std::string_view text);

// Appends the UTF-8 form of a code point up to U+10FFFF that isn't a surrogate.
void AppendUtf8(char32_t code_point, std::string& out);

}  // namespace draftp

#endif  // DRAFTP_IO_UTF8_H_
