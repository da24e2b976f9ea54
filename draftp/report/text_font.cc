// FreeType behind a small interface: glyph lookup, advance with kerning, blending, line breaks.
#include "draftp/report/text_font.h"

#include <ft2build.h>
// FT_FREETYPE_H comes from the header above.
#include FT_FREETYPE_H

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "draftp/io/utf8.h"
#include "third_party/dejavu/dejavu.h"

namespace draftp {
namespace {

constexpr std::string_view kEllipsis = "…";
// Outlines alone: bitmaps of some fonts' small sizes are black and white.
constexpr FT_Int32 kLoad = FT_LOAD_TARGET_LIGHT | FT_LOAD_NO_BITMAP;

// Zero-width spaces and joiners, direction marks, variation selectors, byte order mark.
bool IsInvisible(char32_t c) {
  return c == 0xAD || (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x2064) || (c >= 0xFE00 && c <= 0xFE0F) || c == 0xFEFF ||
         (c >= 0xE0000 && c <= 0xE01EF);
}

// The next character to draw: controls (line breaks among them) as spaces.
Utf8Character Next(std::string_view text) {
  Utf8Character character = DecodeUtf8(text);
  const char32_t c = character.code_point;
  if (c < 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0x2028 || c == 0x2029)
    character.code_point = ' ';
  return character;
}

// Chinese, Japanese and Korean characters, of which a line may end behind each.
bool IsCjk(char32_t c) {
  return (c >= 0x2E80 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7AF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFF00 && c <= 0xFFEF) ||
         (c >= 0x20000 && c <= 0x3FFFF);
}

// Whether a line may end between two characters that no space parts: at CJK, but not before what
// closes.
bool BreaksBetween(char32_t before, char32_t after) {
  constexpr std::u32string_view kCloses = U"、。，．」』）】》！？：；ー";
  if (before == 0 || kCloses.find(after) != std::u32string_view::npos) return false;
  return IsCjk(before) || IsCjk(after);
}

// The better places to break a word that is wider than a line.
bool BreaksWord(char32_t before, char32_t after) {
  constexpr std::u32string_view kBehind = U",;:/_-*|";
  return before != 0 && (after == '(' || kBehind.find(before) != std::u32string_view::npos);
}

// As much of `text` as can be within the lines: no character is narrower than a pixel but marks, of
// which there are few.
std::string_view Beginning(std::string_view text, int max_width, int max_lines) {
  constexpr size_t kBytesOfACharacter = 4, kMarks = 256;
  const size_t most = (static_cast<size_t>(std::max(max_width, 1)) + kMarks) * kBytesOfACharacter *
                      static_cast<size_t>(std::max(max_lines, 1));
  if (text.size() <= most) return text;
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

void DropLastCharacter(std::string& text) {
  size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  text.resize(begin);
}

void DropTrailingSpaces(std::string& text) {
  const size_t last = text.find_last_not_of(" \t\r\n");
  text.resize(last == std::string::npos ? 0 : last + 1);
}

void Blend(uint8_t& pixel, uint8_t color, int coverage) {
  pixel = static_cast<uint8_t>((pixel * (255 - coverage) + color * coverage + 127) / 255);
}

void BlendGlyph(RgbImage& image, int left, int top, const FT_Bitmap& bitmap, Color color) {
  for (int row = 0; row < static_cast<int>(bitmap.rows); ++row) {
    const int y = top + row;
    if (y < 0 || y >= image.height) continue;
    for (int column = 0; column < static_cast<int>(bitmap.width); ++column) {
      const int x = left + column;
      if (x < 0 || x >= image.width) continue;
      const int coverage = bitmap.buffer[row * bitmap.pitch + column];
      uint8_t* const pixel = &image.pixels[(static_cast<size_t>(y) * image.width + x) * 3];
      Blend(pixel[0], color.red, coverage);
      Blend(pixel[1], color.green, coverage);
      Blend(pixel[2], color.blue, coverage);
    }
  }
}

// Where the next character goes, and what stands before it.
struct Pen {
  FT_Pos at = 0;      // 1/64 pixel
  FT_Pos origin = 0;  // of the latest character
  FT_Face face = nullptr;
  FT_UInt glyph = 0;
};

}  // namespace

struct TextFont::Faces {
  FT_Library library = nullptr;
  std::vector<FT_Face> faces;  // DejaVu first
  FT_UInt pixels = 0;
  FontFiles further;  // empty once they are opened

  ~Faces() {
    for (const FT_Face face : faces) FT_Done_Face(face);
    if (library != nullptr) FT_Done_FreeType(library);
  }

  void OpenFurther() {
    if (!further) return;
    for (const std::string& file : std::exchange(further, nullptr)()) {
      FT_Face face = nullptr;
      if (FT_New_Face(library, file.c_str(), 0, &face) != 0) continue;
      if (FT_IS_SCALABLE(face) && FT_Set_Pixel_Sizes(face, 0, pixels) == 0) {
        faces.push_back(face);
      } else {
        FT_Done_Face(face);
      }
    }
  }

  // The first face that has `c`, or null.
  FT_Face Find(char32_t c) {
    const auto has = [c](FT_Face face) { return FT_Get_Char_Index(face, c) != 0; };
    if (has(faces[0])) return faces[0];
    OpenFurther();
    const auto found = std::find_if(faces.begin(), faces.end(), has);
    return found == faces.end() ? nullptr : *found;
  }

  // Loads `c` into its face's glyph slot, and moves the pen behind it.
  void Advance(char32_t c, FT_Int32 flags, Pen& pen) {
    const FT_Face found = Find(c);
    const FT_Face face = found == nullptr ? faces[0] : found;
    const FT_UInt glyph = FT_Get_Char_Index(face, c);
    FT_Vector kerning{0, 0};
    if (pen.glyph != 0 && glyph != 0 && pen.face == face)
      FT_Get_Kerning(face, pen.glyph, glyph, FT_KERNING_DEFAULT, &kerning);
    pen.origin = pen.at + kerning.x;
    pen.face = face;
    pen.glyph = glyph;
    pen.at =
        FT_Load_Glyph(face, glyph, flags) == 0 ? pen.origin + face->glyph->advance.x : pen.origin;
  }
};

TextFont::TextFont(std::unique_ptr<Faces> faces) : faces_(std::move(faces)) {}
TextFont::TextFont(TextFont&&) noexcept = default;
TextFont& TextFont::operator=(TextFont&&) noexcept = default;
TextFont::~TextFont() = default;

absl::StatusOr<TextFont> TextFont::Create(FontWeight weight, int pixels, FontFiles further) {
  if (pixels < 4 || pixels > 512) {
    return absl::InvalidArgumentError(
        absl::StrCat("found font size ", pixels, ", expected 4 to 512 pixels"));
  }
  const std::span<const std::byte> file =
      weight == FontWeight::kBold ? DejaVuSansBold() : DejaVuSans();
  auto faces = std::make_unique<Faces>();
  faces->pixels = static_cast<FT_UInt>(pixels);
  faces->further = std::move(further);
  FT_Error error = FT_Init_FreeType(&faces->library);
  FT_Face face = nullptr;
  if (error == 0) {
    error = FT_New_Memory_Face(faces->library, reinterpret_cast<const FT_Byte*>(file.data()),
                               static_cast<FT_Long>(file.size()), 0, &face);
  }
  if (error == 0) {
    faces->faces.push_back(face);
    error = FT_Set_Pixel_Sizes(face, 0, faces->pixels);
  }
  if (error != 0)
    return absl::InternalError(
        absl::StrCat("FreeType: error ", error, " with the program's own font"));
  return TextFont(std::move(faces));
}

int TextFont::ascent() const {
  return static_cast<int>((faces_->faces[0]->size->metrics.ascender + 63) / 64);
}

int TextFont::line_height() const {
  const FT_Size_Metrics& metrics = faces_->faces[0]->size->metrics;
  return static_cast<int>((metrics.height + 63) / 64) + metrics.y_ppem / 8;
}

std::string TextFont::Drawable(std::string_view text) const {
  std::string drawable;
  bool apart = false;  // the latest was a code point
  while (!text.empty()) {
    const Utf8Character character = Next(text);
    const char32_t c = character.code_point;
    const bool code = !IsInvisible(c) && faces_->Find(c) == nullptr;
    if ((code || apart) && c != ' ' && !drawable.empty() && drawable.back() != ' ') drawable += ' ';
    if (code) {
      absl::StrAppendFormat(&drawable, "U+%04X", static_cast<uint32_t>(c));
    } else {
      AppendUtf8(c, drawable);
    }
    apart = code;
    text.remove_prefix(static_cast<size_t>(character.length));
  }
  return drawable;
}

int TextFont::Width(std::string_view text) const {
  Pen pen;
  const std::string drawable = Drawable(text);
  for (std::string_view rest = drawable; !rest.empty();) {
    const Utf8Character character = Next(rest);
    rest.remove_prefix(static_cast<size_t>(character.length));
    if (!IsInvisible(character.code_point)) faces_->Advance(character.code_point, kLoad, pen);
  }
  return static_cast<int>((pen.at + 63) / 64);
}

void TextFont::Draw(RgbImage& image, int x, int baseline, std::string_view text,
                    Color color) const {
  Pen pen;
  const std::string drawable = Drawable(text);
  for (std::string_view rest = drawable; !rest.empty();) {
    const Utf8Character character = Next(rest);
    rest.remove_prefix(static_cast<size_t>(character.length));
    if (IsInvisible(character.code_point)) continue;
    faces_->Advance(character.code_point, kLoad | FT_LOAD_RENDER, pen);
    const FT_GlyphSlot glyph = pen.face->glyph;
    if (glyph->bitmap.pixel_mode != FT_PIXEL_MODE_GRAY) continue;  // it didn't load
    const int left = x + static_cast<int>((pen.origin + 32) >> 6) + glyph->bitmap_left;
    BlendGlyph(image, left, baseline - glyph->bitmap_top, glyph->bitmap, color);
  }
}

std::vector<std::string> TextFont::Wrap(std::string_view whole, int max_width,
                                        int max_lines) const {
  std::vector<std::string> lines;
  const std::string drawable = Drawable(Beginning(whole, max_width, max_lines));
  std::string_view text = drawable;
  const auto skip_spaces = [&text] {
    while (!text.empty() && Next(text).code_point == ' ') text.remove_prefix(Next(text).length);
  };
  for (skip_spaces(); !text.empty() && static_cast<int>(lines.size()) < max_lines; skip_spaces()) {
    Pen pen;
    size_t taken = 0;  // bytes that fit
    size_t space = 0;  // the last break before them
    size_t part = 0;   // the last break inside a word before them
    char32_t previous = 0;
    while (taken < text.size()) {
      const Utf8Character character = Next(text.substr(taken));
      const char32_t c = character.code_point;
      if (c == ' ' || BreaksBetween(previous, c)) space = taken;
      if (BreaksWord(previous, c)) part = taken;
      if (!IsInvisible(c)) faces_->Advance(c, kLoad, pen);
      // One character at least, or a narrow line would never end.
      if (pen.at > FT_Pos{max_width} * 64 && taken > 0) break;
      taken += static_cast<size_t>(character.length);
      previous = c;
    }
    size_t end = taken;
    if (taken < text.size() && space + part > 0) end = space > 0 ? space : part;
    lines.emplace_back(text.substr(0, end));
    DropTrailingSpaces(lines.back());
    text.remove_prefix(end);
  }
  if (!text.empty() && !lines.empty()) {
    std::string& last = lines.back();
    while (!last.empty() && Width(last + std::string(kEllipsis)) > max_width)
      DropLastCharacter(last);
    DropTrailingSpaces(last);
    last += kEllipsis;
  }
  return lines;
}

}  // namespace draftp
