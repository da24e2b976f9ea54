// Looks for a character that is neither space nor control.
#include "draftp/data/caption_check.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "draftp/data/prompts.h"
#include "draftp/io/printable.h"
#include "draftp/io/unicode.h"
#include "draftp/io/utf8.h"

namespace draftp {
namespace {

bool SaysSomething(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0xFEFF) return false;
  if (c >= 0x200B && c <= 0x200F) return false;  // zero widths, marks of direction
  if (c >= 0x202A && c <= 0x202E) return false;  // embeddings, overrides
  if (c >= 0x2060 && c <= 0x206F) return false;  // joiners, isolates
  return ClassOf(c) != CharacterClass::kSpace;
}

}  // namespace

absl::Status CheckCaption(std::string_view caption) {
  if (absl::Status status = CheckPrompt(caption); !status.ok()) return status;
  if (caption.empty()) {
    return absl::InvalidArgumentError("found an empty caption, expected text");
  }
  for (std::string_view rest = caption; !rest.empty();) {
    const Utf8Character character = DecodeUtf8(rest);
    if (SaysSomething(character.code_point)) return absl::OkStatus();
    rest.remove_prefix(static_cast<size_t>(character.length));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "found ", Quoted(caption, 60), ", expected more than spaces and control characters"));
}

}  // namespace draftp
