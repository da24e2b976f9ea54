// Looks for a character that is neither space nor control.
#include "draftp/data/caption_check.h"

#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"
#include "draftp/io/unicode.h"
#include "draftp/io/utf8.h"

namespace draftp {
namespace {

bool IsSeen(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0xFEFF) return false;
  if (c >= 0x200B && c <= 0x200F) return false;  // zero widths, marks of direction
  if (c >= 0x202A && c <= 0x202E) return false;  // embeddings, overrides
  if (c >= 0x2060 && c <= 0x206F) return false;  // joiners, isolates
  return ClassOf(c) != CharacterClass::kSpace;
}

}  // namespace

absl::Status CheckCaption(std::string_view caption) {
  if (caption.size() > kMaxCaptionBytes) {
    return absl::InvalidArgumentError(absl::StrCat("found a caption of ", caption.size(),
                                                   " bytes, expected at most ", kMaxCaptionBytes));
  }
  if (!IsUtf8(caption)) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", Quoted(caption, 60), ", expected UTF-8"));
  }
  if (caption.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", Quoted(caption, 60), ", expected text without null characters"));
  }
  return absl::OkStatus();
}

bool SaysSomething(std::string_view caption) {
  while (!caption.empty()) {
    const Utf8Character character = DecodeUtf8(caption);
    if (IsSeen(character.code_point)) return true;
    caption.remove_prefix(static_cast<size_t>(character.length));
  }
  return false;
}

}  // namespace draftp
