// Draws lines of UTF-8 text onto pictures, antialiased, in a typeface that is part of the program.
#ifndef DRAFTP_IO_TEXT_FONT_H_
#define DRAFTP_IO_TEXT_FONT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/io/png.h"

namespace draftp {

enum class FontWeight : uint8_t { kRegular, kBold };

struct Color {
  uint8_t red;
  uint8_t green;
  uint8_t blue;
};

// DejaVu Sans at one size. Characters that it lacks are drawn as a box, control characters as a
// space, marks of no width not at all, broken UTF-8 as U+FFFD. Left to right, without ligatures.
// One thread at a time.
class TextFont {
 public:
  // `pixels`: the em size, 4 to 512.
  static absl::StatusOr<TextFont> Create(FontWeight weight, int pixels);
  TextFont(TextFont&&) noexcept;
  TextFont& operator=(TextFont&&) noexcept;
  ~TextFont();

  int ascent() const;                      // pixels from the top of a line to its baseline
  int line_height() const;                 // pixels from baseline to baseline
  int Width(std::string_view text) const;  // pixels, rounded up

  // `text` with its first character's origin at (x, baseline). What lies outside the image is cut
  // off.
  void Draw(RgbImage& image, int x, int baseline, std::string_view text, Color color) const;

  // Breaks at spaces, and inside words that are wider than a line, into at most `max_lines` lines
  // of at most `max_width` pixels; the last ends in "…" when something is left out. Work is bounded
  // by what is kept, not by the length of `text`.
  std::vector<std::string> Wrap(std::string_view text, int max_width, int max_lines) const;

 private:
  struct Face;
  explicit TextFont(std::unique_ptr<Face> face);
  std::unique_ptr<Face> face_;
};

}  // namespace draftp

#endif  // DRAFTP_IO_TEXT_FONT_H_
