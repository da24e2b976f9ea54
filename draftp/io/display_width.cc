// The wide and the empty ranges of Unicode, as terminals have them.
#include "draftp/io/display_width.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "draftp/io/utf8.h"

namespace draftp {
namespace {

struct Range {
  char32_t first, last;
};

// East Asian wide and fullwidth characters and emoji (Unicode's EastAsianWidth.txt), in blocks.
constexpr std::array<Range, 13> kWide = {{{0x1100, 0x115F},
                                          {0x2E80, 0x303E},
                                          {0x3041, 0x4DBF},
                                          {0x4E00, 0xA4CF},
                                          {0xA960, 0xA97F},
                                          {0xAC00, 0xD7A3},
                                          {0xF900, 0xFAFF},
                                          {0xFE30, 0xFE6F},
                                          {0xFF01, 0xFF60},
                                          {0xFFE0, 0xFFE6},
                                          {0x1F300, 0x1F64F},
                                          {0x1F680, 0x1FAFF},
                                          {0x20000, 0x3FFFD}}};

// Combining marks, joiners, variation selectors.
constexpr std::array<Range, 9> kEmpty = {{{0x0300, 0x036F},
                                          {0x0483, 0x0489},
                                          {0x0591, 0x05BD},
                                          {0x064B, 0x065F},
                                          {0x1AB0, 0x1AFF},
                                          {0x1DC0, 0x1DFF},
                                          {0x200B, 0x200F},
                                          {0x20D0, 0x20FF},
                                          {0xFE00, 0xFE0F}}};

template <size_t N>
bool IsIn(const std::array<Range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const Range& range) { return c >= range.first && c <= range.last; });
}

struct Character {
  size_t bytes;
  int columns;
};

Character First(std::string_view text) {
  const Utf8Character c = DecodeUtf8(text);
  const auto bytes = static_cast<size_t>(c.length);
  if (IsIn(kEmpty, c.code_point)) return {bytes, 0};
  return {bytes, IsIn(kWide, c.code_point) ? 2 : 1};
}

}  // namespace

int DisplayWidth(std::string_view text) {
  int columns = 0;
  while (!text.empty()) {
    const Character c = First(text);
    columns += c.columns;
    text.remove_prefix(c.bytes);
  }
  return columns;
}

std::string FitColumns(std::string_view text, int columns) {
  if (DisplayWidth(text) <= columns) return std::string(text);
  const int dots = std::clamp(columns, 0, 3);
  size_t kept = 0;
  for (int used = 0; kept < text.size();) {
    const Character c = First(text.substr(kept));
    used += c.columns;
    if (used > columns - dots) break;
    kept += c.bytes;
  }
  return std::string(text.substr(0, kept)) + std::string(static_cast<size_t>(dots), '.');
}

}  // namespace draftp
