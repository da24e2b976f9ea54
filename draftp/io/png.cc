// Calls libpng with its longjmp kept inside functions that own nothing.
#include "draftp/io/png.h"

#include <png.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"
#include "draftp/io/utf8.h"

namespace draftp {
namespace {

constexpr int kMaxSide = 1 << 14;
constexpr int64_t kMaxPixels = int64_t{1} << 26;
constexpr int64_t kMaxFile = int64_t{256} << 20;
constexpr png_alloc_size_t kMaxChunk = 1 << 20;

// What libpng's callbacks share: the first message, and the bytes to read or written.
struct Stream {
  char message[160] = {};
  std::string* out = nullptr;
  std::string_view in;
};

[[noreturn]] void OnError(png_structp png, png_const_charp message) {
  auto* const stream = static_cast<Stream*>(png_get_error_ptr(png));
  std::strncpy(stream->message, message, sizeof(stream->message) - 1);
  png_longjmp(png, 1);
}

void OnWarning(png_structp, png_const_charp) {}

void OnWrite(png_structp png, png_bytep data, size_t size) {
  auto* const stream = static_cast<Stream*>(png_get_io_ptr(png));
  bool failed = false;
  try {
    stream->out->append(reinterpret_cast<const char*>(data), size);
  } catch (...) {  // no exception may cross libpng's frames
    failed = true;
  }
  if (failed) png_error(png, "out of memory");
}

void OnFlush(png_structp) {}

void OnRead(png_structp png, png_bytep data, size_t size) {
  auto* const stream = static_cast<Stream*>(png_get_io_ptr(png));
  if (size > stream->in.size()) png_error(png, "file ends early");
  std::memcpy(data, stream->in.data(), size);
  stream->in.remove_prefix(size);
}

// The functions with setjmp hold only what needs no destructor.
bool Encode(png_structp png, png_infop info, const RgbImage& image, png_textp text, int texts) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_IHDR(png, info, image.width, image.height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  // Behind PNG's filters what repeats is runs: as small as the default's search for matches within
  // 2%, at a half to a quarter of its time (benchmarks/RESULTS.md).
  png_set_compression_strategy(png, Z_RLE);
  png_set_text(png, info, text, texts);
  png_write_info(png, info);
  const size_t stride = static_cast<size_t>(image.width) * 3;
  for (int y = 0; y < image.height; ++y) png_write_row(png, image.pixels.data() + y * stride);
  png_write_end(png, info);
  return true;
}

bool ReadHeader(png_structp png, png_infop info) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_user_limits(png, kMaxSide, kMaxSide);
  png_set_chunk_malloc_max(png, kMaxChunk);
  png_set_chunk_cache_max(png, 256);
  png_read_info(png, info);
  png_set_expand(png);
  png_set_scale_16(png);
  png_set_gray_to_rgb(png);
  png_set_strip_alpha(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  return true;
}

bool ReadRows(png_structp png, png_infop info, png_bytepp rows) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_read_image(png, rows);
  png_read_end(png, info);
  return true;
}

bool IsKey(const std::string& key) {
  return !key.empty() && key.size() <= 79 && key.front() != ' ' && key.back() != ' ' &&
         key.find("  ") == std::string::npos &&
         std::all_of(key.begin(), key.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// `value` as well-formed UTF-8 without null bytes, and in Latin-1 where that can hold it.
struct Text {
  std::string utf8;
  std::string latin1;
  bool fits_latin1 = true;
};

Text Clean(std::string_view value) {
  Text text;
  while (!value.empty()) {
    const Utf8Character character = DecodeUtf8(value);
    const char32_t c = character.code_point == 0 ? kReplacementCharacter : character.code_point;
    AppendUtf8(c, text.utf8);
    text.latin1.push_back(static_cast<char>(c));
    text.fits_latin1 &= c == '\n' || (c >= 0x20 && c < 0x7F) || (c >= 0xA0 && c <= 0xFF);
    value.remove_prefix(character.length);
  }
  return text;
}

// Whether every chunk lies within the file and only picture data are long. libpng allocates and
// clears whatever length a chunk claims before it reads any of it.
bool ChunksFit(std::string_view bytes) {
  constexpr size_t kAround = 12;  // length, type and checksum
  for (bytes.remove_prefix(8); !bytes.empty();) {
    if (bytes.size() < kAround) return false;
    const uint32_t length = png_get_uint_32(reinterpret_cast<png_const_bytep>(bytes.data()));
    if (length > bytes.size() - kAround) return false;
    const std::string_view type = bytes.substr(4, 4);
    if (length > kMaxChunk && type != "IDAT") return false;
    if (type == "IEND") return true;
    bytes.remove_prefix(kAround + length);
  }
  return false;
}

std::string FromLatin1(std::string_view value) {
  std::string utf8;
  for (const char c : value) AppendUtf8(static_cast<unsigned char>(c), utf8);
  return utf8;
}

std::vector<PngText> TextOf(png_structp png, png_infop info) {
  png_textp entries = nullptr;
  int count = 0;
  png_get_text(png, info, &entries, &count);
  std::vector<PngText> text;
  for (const png_text& entry : std::span(entries, static_cast<size_t>(count))) {
    const bool international = entry.compression >= PNG_ITXT_COMPRESSION_NONE;
    const std::string_view value(entry.text, international ? entry.itxt_length : entry.text_length);
    text.push_back({FromLatin1(entry.key), international ? std::string(value) : FromLatin1(value)});
  }
  return text;
}

}  // namespace

RgbImage FilledImage(int width, int height, uint8_t red, uint8_t green, uint8_t blue) {
  RgbImage image{width, height, std::vector<uint8_t>(static_cast<size_t>(width) * height * 3)};
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    image.pixels[i] = red;
    image.pixels[i + 1] = green;
    image.pixels[i + 2] = blue;
  }
  return image;
}

absl::StatusOr<std::string> EncodePng(const RgbImage& image, const std::vector<PngText>& text) {
  if (image.width <= 0 || image.height <= 0 ||
      image.pixels.size() != static_cast<size_t>(image.width) * image.height * 3) {
    return absl::InvalidArgumentError(absl::StrCat("found a picture of ", image.width, "x",
                                                   image.height, " with ", image.pixels.size(),
                                                   " bytes, expected width x height x 3"));
  }
  std::vector<Text> cleaned;
  for (const PngText& entry : text) {
    if (!IsKey(entry.key)) {
      return absl::InvalidArgumentError(
          absl::StrCat("found PNG text key ", Quoted(entry.key),
                       ", expected 1 to 79 printable ASCII characters"));
    }
    cleaned.push_back(Clean(entry.value));
  }
  std::vector<png_text> entries(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const bool latin1 = cleaned[i].fits_latin1;
    std::string& value = latin1 ? cleaned[i].latin1 : cleaned[i].utf8;
    entries[i] = {};
    entries[i].compression = latin1 ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    entries[i].key = const_cast<char*>(text[i].key.c_str());
    entries[i].text = value.data();
    (latin1 ? entries[i].text_length : entries[i].itxt_length) = value.size();
  }
  std::string bytes;
  Stream stream{.message = {}, .out = &bytes, .in = {}};
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &stream, OnError, OnWarning);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  const absl::Cleanup destroyer = [&] { png_destroy_write_struct(&png, &info); };
  if (info == nullptr) return absl::ResourceExhaustedError("libpng: out of memory");
  png_set_write_fn(png, &stream, OnWrite, OnFlush);
  if (!Encode(png, info, image, entries.data(), static_cast<int>(entries.size()))) {
    return absl::InternalError(absl::StrCat("libpng: ", stream.message));
  }
  return bytes;
}

absl::Status WritePng(const std::string& path, const RgbImage& image,
                      const std::vector<PngText>& text) {
  const absl::StatusOr<std::string> bytes = EncodePng(image, text);
  if (!bytes.ok()) {
    return absl::Status(bytes.status().code(),
                        absl::StrCat(Printable(path, 4096), ": ", bytes.status().message()));
  }
  return WriteFileAtomically(path, *bytes);
}

absl::StatusOr<PngFile> DecodePng(const std::string& source, std::string_view bytes) {
  const auto error = [&source](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(Printable(source, 4096), ": ", what));
  };
  if (bytes.size() < 8 || png_sig_cmp(reinterpret_cast<png_const_bytep>(bytes.data()), 0, 8) != 0) {
    return error("found no PNG signature, expected a PNG file");
  }
  if (!ChunksFit(bytes)) return error("isn't a valid PNG: its chunks run past its end");
  Stream stream{.message = {}, .out = nullptr, .in = bytes};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &stream, OnError, OnWarning);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  const absl::Cleanup destroyer = [&] { png_destroy_read_struct(&png, &info, nullptr); };
  if (info == nullptr) return absl::ResourceExhaustedError("libpng: out of memory");
  png_set_read_fn(png, &stream, OnRead);
  if (!ReadHeader(png, info)) return error(absl::StrCat("isn't a valid PNG: ", stream.message));
  const auto width = static_cast<int>(png_get_image_width(png, info));
  const auto height = static_cast<int>(png_get_image_height(png, info));
  const size_t stride = static_cast<size_t>(width) * 3;
  if (int64_t{width} * height > kMaxPixels || png_get_rowbytes(png, info) != stride) {
    return error(
        absl::StrCat("found ", width, "x", height, " pixels, expected at most ", kMaxPixels));
  }
  PngFile file{{width, height, std::vector<uint8_t>(stride * height)}, {}};
  std::vector<png_bytep> rows(height);
  for (int y = 0; y < height; ++y) rows[y] = file.image.pixels.data() + y * stride;
  if (!ReadRows(png, info, rows.data()))
    return error(absl::StrCat("isn't a valid PNG: ", stream.message));
  file.text = TextOf(png, info);
  return file;
}

absl::StatusOr<PngFile> ReadPng(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path, kMaxFile);
  if (!bytes.ok()) return bytes.status();
  return DecodePng(path, *bytes);
}

}  // namespace draftp
