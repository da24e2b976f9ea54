// Escapes control characters and broken UTF-8, and cuts what is too long for a line.
#include "draftp/io/printable.h"

#include "draftp/io/utf8.h"

namespace draftp {

std::string Printable(std::string_view text, size_t limit) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  while (!text.empty()) {
    const Utf8Character character = DecodeUtf8(text);
    if (out.size() + character.length > limit) return out + "...";
    // C0 and C1 controls, and the two line separators that terminals may break at.
    const char32_t c = character.code_point;
    const bool control = c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029;
    for (const char byte : text.substr(0, character.length)) {
      const auto value = static_cast<unsigned char>(byte);
      if (control || !character.valid) {
        out += {'\\', 'x', kHex[value >> 4], kHex[value & 15]};
      } else {
        out.push_back(byte);
      }
    }
    text.remove_prefix(character.length);
  }
  return out;
}

std::string Quoted(std::string_view text, size_t limit) {
  return "\"" + Printable(text, limit) + "\"";
}

}  // namespace draftp
