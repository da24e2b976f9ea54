// FreeType behind a small interface: glyph lookup, advance with kerning, blending, line breaks.
#include "draftp/io/text_font.h"

#include <ft2build.h>
// FT_FREETYPE_H comes from the header above.
#include FT_FREETYPE_H

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/utf8.h"
#include "third_party/dejavu/dejavu.h"

namespace draftp {
namespace {

constexpr std::string_view kEllipsis = "…";
constexpr FT_Int32 kLoad = FT_LOAD_TARGET_LIGHT;

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

}  // namespace

struct TextFont::Face {
  FT_Library library = nullptr;
  FT_Face face = nullptr;

  ~Face() {
    if (face != nullptr) FT_Done_Face(face);
    if (library != nullptr) FT_Done_FreeType(library);
  }

  // Loads `c` into the glyph slot and returns where the pen is after it, in 1/64 pixel; `previous`
  // is the glyph before (0 for none) and becomes this one. `origin` gets the pen's place of this
  // glyph.
  FT_Pos Advance(char32_t c, FT_Pos pen, FT_UInt& previous, FT_Int32 flags, FT_Pos& origin) const {
    const FT_UInt glyph = FT_Get_Char_Index(face, c);
    FT_Vector kerning{0, 0};
    if (previous != 0 && glyph != 0)
      FT_Get_Kerning(face, previous, glyph, FT_KERNING_DEFAULT, &kerning);
    previous = glyph;
    origin = pen + kerning.x;
    return FT_Load_Glyph(face, glyph, flags) == 0 ? origin + face->glyph->advance.x : origin;
  }
};

TextFont::TextFont(std::unique_ptr<Face> face) : face_(std::move(face)) {}
TextFont::TextFont(TextFont&&) noexcept = default;
TextFont& TextFont::operator=(TextFont&&) noexcept = default;
TextFont::~TextFont() = default;

absl::StatusOr<TextFont> TextFont::Create(FontWeight weight, int pixels) {
  if (pixels < 4 || pixels > 512) {
    return absl::InvalidArgumentError(
        absl::StrCat("found font size ", pixels, ", expected 4 to 512 pixels"));
  }
  const std::span<const std::byte> file =
      weight == FontWeight::kBold ? DejaVuSansBold() : DejaVuSans();
  auto face = std::make_unique<Face>();
  FT_Error error = FT_Init_FreeType(&face->library);
  if (error == 0) {
    error = FT_New_Memory_Face(face->library, reinterpret_cast<const FT_Byte*>(file.data()),
                               static_cast<FT_Long>(file.size()), 0, &face->face);
  }
  if (error == 0) error = FT_Set_Pixel_Sizes(face->face, 0, static_cast<FT_UInt>(pixels));
  if (error != 0)
    return absl::InternalError(
        absl::StrCat("FreeType: error ", error, " with the program's own font"));
  return TextFont(std::move(face));
}

int TextFont::ascent() const {
  return static_cast<int>((face_->face->size->metrics.ascender + 63) / 64);
}

int TextFont::line_height() const {
  const FT_Size_Metrics& metrics = face_->face->size->metrics;
  return static_cast<int>((metrics.height + 63) / 64) + metrics.y_ppem / 8;
}

int TextFont::Width(std::string_view text) const {
  FT_Pos pen = 0;
  FT_Pos origin = 0;
  FT_UInt previous = 0;
  while (!text.empty()) {
    const Utf8Character character = Next(text);
    text.remove_prefix(character.length);
    if (!IsInvisible(character.code_point))
      pen = face_->Advance(character.code_point, pen, previous, kLoad, origin);
  }
  return static_cast<int>((pen + 63) / 64);
}

void TextFont::Draw(RgbImage& image, int x, int baseline, std::string_view text,
                    Color color) const {
  FT_Pos pen = 0;
  FT_Pos origin = 0;
  FT_UInt previous = 0;
  while (!text.empty()) {
    const Utf8Character character = Next(text);
    text.remove_prefix(character.length);
    if (IsInvisible(character.code_point)) continue;
    pen = face_->Advance(character.code_point, pen, previous, kLoad | FT_LOAD_RENDER, origin);
    const FT_GlyphSlot glyph = face_->face->glyph;
    const int left = x + static_cast<int>((origin + 32) >> 6) + glyph->bitmap_left;
    BlendGlyph(image, left, baseline - glyph->bitmap_top, glyph->bitmap, color);
  }
}

std::vector<std::string> TextFont::Wrap(std::string_view text, int max_width, int max_lines) const {
  std::vector<std::string> lines;
  const auto skip_spaces = [&text] {
    while (!text.empty() && Next(text).code_point == ' ') text.remove_prefix(Next(text).length);
  };
  for (skip_spaces(); !text.empty() && static_cast<int>(lines.size()) < max_lines; skip_spaces()) {
    FT_Pos pen = 0;
    FT_Pos origin = 0;
    FT_UInt previous = 0;
    size_t taken = 0;  // bytes that fit
    size_t space = 0;  // the last break before them
    while (taken < text.size()) {
      const Utf8Character character = Next(text.substr(taken));
      if (character.code_point == ' ') space = taken;
      if (!IsInvisible(character.code_point)) {
        pen = face_->Advance(character.code_point, pen, previous, kLoad, origin);
      }
      // One character at least, or a narrow line would never end.
      if (pen > FT_Pos{max_width} * 64 && taken > 0) break;
      taken += character.length;
    }
    const size_t end = taken < text.size() && space > 0 ? space : taken;
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
