// Takes the members KEY.txt out of a shard.
#include "draftp/data/caption_tar.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "draftp/data/caption_check.h"
#include "draftp/data/prompts.h"
#include "draftp/io/printable.h"
#include "draftp/io/tar_reader.h"

namespace draftp {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// FOLDER/KEY of a member FOLDER/KEY.ENDING, or "" where it is none.
std::string_view KeyOf(std::string_view name) {
  const size_t slash = name.rfind('/');
  const size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
  const size_t dot = name.find('.', begin);
  return dot == std::string_view::npos || dot == begin ? "" : name.substr(0, dot);
}

std::string WithoutMarks(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.ends_with('\n')) text.remove_suffix(text.ends_with("\r\n") ? 2 : 1);
  return std::string(text);
}

absl::Status TooMany(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(Printable(path, 4096), ": found more than ", what,
                                                 ", expected at most that many"));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadCaptionTar(const std::string& path) {
  absl::StatusOr<TarReader> tar = TarReader::Open(path);
  if (!tar.ok()) return tar.status();
  std::vector<std::string> captions;
  int64_t bytes = 0;
  std::string key;  // of the members now passing by
  bool captioned = false;
  for (;;) {
    const absl::StatusOr<std::optional<TarMember>> member = tar->Next();
    if (!member.ok()) return member.status();
    if (!*member) break;
    const std::string& name = (*member)->name;
    const std::string_view its_key = KeyOf(name);
    if (its_key != key) captioned = false;
    key = its_key;
    if (key.empty() || absl::AsciiStrToLower(name.substr(key.size())) != ".txt") continue;
    if (std::exchange(captioned, true)) {
      return absl::InvalidArgumentError(absl::StrCat(Printable(path, 4096),
                                                     ": found a second member ", Quoted(name, 300),
                                                     ", expected one caption a key"));
    }
    // With room for marks that are dropped; CheckCaption knows the limit.
    const absl::StatusOr<std::string> text = tar->Read(kMaxCaptionBytes + 5);
    if (!text.ok()) return text.status();
    std::string caption = WithoutMarks(*text);
    if (const absl::Status status = CheckCaption(caption); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(Printable(path, 4096), ": member ",
                                                     Quoted(name, 300), ": ", status.message()));
    }
    bytes += static_cast<int64_t>(caption.size());
    captions.push_back(std::move(caption));
    if (captions.size() > kMaxCaptions) {
      return TooMany(path, absl::StrCat(kMaxCaptions, " captions"));
    }
    if (bytes > kMaxCaptionFileBytes) {
      return TooMany(path, absl::StrCat(kMaxCaptionFileBytes, " bytes of captions"));
    }
  }
  if (!captions.empty()) return captions;
  if (tar->passed_over() > 0) {
    return absl::InvalidArgumentError(absl::StrCat(Printable(path, 4096), ": found no caption and ",
                                                   tar->passed_over(),
                                                   " links or devices, which are passed over, "
                                                   "expected files named KEY.txt"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(Printable(path, 4096), ": found no caption, expected members named KEY.txt"));
}

}  // namespace draftp
