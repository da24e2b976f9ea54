// Draws lines of UTF-8 text onto pictures, antialiased, in a typeface that is part of the program
// and, for what it lacks, in the system's.
#ifndef DRAFTP_REPORT_TEXT_FONT_H_
#define DRAFTP_REPORT_TEXT_FONT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/io/png.h"
#include "draftp/report/system_fonts.h"

namespace draftp {

enum class FontWeight : uint8_t { kRegular, kBold };

struct Color {
  uint8_t red;
  uint8_t green;
  uint8_t blue;
};

// DejaVu Sans at one size. A character that it lacks (CJK, emoji) comes from the first of further
// font files that has it, and else is written as its code point, "U+4E2D". Control characters are
// spaces, marks of no width nothing, broken UTF-8 U+FFFD. Left to right, without ligatures. One
// thread at a time.
class TextFont {
 public:
  // `pixels`: the em size, 4 to 512. `further` is asked once, when a character is lacking first;
  // files that aren't scalable fonts are passed over.
  using FontFiles = std::function<std::vector<std::string>()>;
  static absl::StatusOr<TextFont> Create(FontWeight weight, int pixels,
                                         FontFiles further = SystemFonts);
  TextFont(TextFont&&) noexcept;
  TextFont& operator=(TextFont&&) noexcept;
  ~TextFont();

  int ascent() const;                      // pixels from the top of a line to its baseline
  int line_height() const;                 // pixels from baseline to baseline
  int Width(std::string_view text) const;  // pixels, rounded up

  // `text` with its first character's origin at (x, baseline). What lies outside the image is cut
  // off.
  void Draw(RgbImage& image, int x, int baseline, std::string_view text, Color color) const;

  // Breaks at spaces and between CJK characters, inside words that are wider than a line behind
  // punctuation or before a parenthesis where there is one, into at most `max_lines` lines of at
  // most `max_width` pixels; the last ends in "…" when something is left out. Work is bounded by
  // what is kept, not by the length of `text`.
  std::vector<std::string> Wrap(std::string_view text, int max_width, int max_lines) const;

 private:
  struct Faces;
  explicit TextFont(std::unique_ptr<Faces> faces);
  // `text` with the code points of what no font has, set apart by spaces.
  std::string Drawable(std::string_view text) const;

  std::unique_ptr<Faces> faces_;
};

}  // namespace draftp

#endif  // DRAFTP_REPORT_TEXT_FONT_H_
