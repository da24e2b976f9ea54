// Takes the members KEY.txt out of a shard.
#include "draftp/text/caption_tar.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"
#include "draftp/io/tar_reader.h"
#include "draftp/text/caption_check.h"
#include "draftp/text/prompts.h"

namespace draftp {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsCaption(const std::string& name) {
  const size_t slash = name.rfind('/');
  const size_t begin = slash == std::string::npos ? 0 : slash + 1;
  const size_t dot = name.find('.', begin);
  if (dot == std::string::npos || dot == begin) return false;
  return absl::AsciiStrToLower(name.substr(dot)) == ".txt";
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
  for (;;) {
    const absl::StatusOr<std::optional<TarMember>> member = tar->Next();
    if (!member.ok()) return member.status();
    if (!*member) break;
    if (!IsCaption((*member)->name)) continue;
    // With room for marks that are dropped; CheckCaption knows the limit.
    const absl::StatusOr<std::string> text = tar->Read(kMaxCaptionBytes + 5);
    if (!text.ok()) return text.status();
    std::string caption = WithoutMarks(*text);
    if (const absl::Status status = CheckCaption(caption); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(Printable(path, 4096), ": member ",
                                                     Quoted((*member)->name, 300), ": ",
                                                     status.message()));
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
  return absl::InvalidArgumentError(
      absl::StrCat(Printable(path, 4096), ": found no caption, expected members named KEY.txt"));
}

}  // namespace draftp
