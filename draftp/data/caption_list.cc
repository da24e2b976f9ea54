#include "draftp/data/caption_list.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "draftp/data/caption_check.h"
#include "draftp/io/gunzip.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {

absl::Status CaptionList::Error(absl::string_view where, absl::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrCat(Printable(path_, 4096), where.empty() ? "" : ": ", where, ": ", what));
}

absl::Status CaptionList::Add(absl::string_view where, std::string caption) {
  if (const absl::Status status = CheckCaption(caption); !status.ok())
    return Error(where, status.message());
  if (empty_ == EmptyCaptions::kSkip && !SaysSomething(caption)) {
    if (set_.skipped++ == 0)
      set_.first_skipped = absl::StrCat(path_, where.empty() ? "" : ": ", where);
    return absl::OkStatus();
  }
  bytes_ += static_cast<int64_t>(caption.size());
  set_.captions.push_back(std::move(caption));
  const auto too_many = [&](int64_t most, absl::string_view what) {
    return Error("",
                 absl::StrCat("found more than ", most, " ", what, ", expected at most that many"));
  };
  if (set_.captions.size() > kMaxCaptions) return too_many(kMaxCaptions, "captions");
  if (bytes_ > kMaxCaptionFileBytes) return too_many(kMaxCaptionFileBytes, "bytes of captions");
  return absl::OkStatus();
}

absl::StatusOr<CaptionSet> CaptionList::Finish(absl::string_view expected) {
  if (!blank()) return std::move(set_);
  return Error("", absl::StrCat("found no caption, expected ", expected));
}

absl::StatusOr<std::string> ReadCaptionBytes(const std::string& path) {
  absl::StatusOr<std::string> bytes = ReadFileOrStream(path, kMaxCaptionFileBytes);
  if (bytes.ok() && IsGzip(*bytes)) bytes = Gunzip(path, *bytes, kMaxCaptionFileBytes);
  if (bytes.ok() && bytes->starts_with("\xEF\xBB\xBF")) bytes->erase(0, 3);
  return bytes;
}

absl::Status ForEachLine(std::string_view text,
                         absl::FunctionRef<absl::Status(std::string_view, int64_t)> take) {
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (absl::Status status = take(line, number); !status.ok()) return status;
  }
  return absl::OkStatus();
}

bool IsCaptionName(std::string_view name) {
  std::string word = absl::AsciiStrToLower(
      absl::StripAsciiWhitespace(absl::string_view(name.data(), name.size())));
  if (word.ends_with('s')) word.pop_back();
  return word == "caption" || word == "prompt" || word == "text";
}

}  // namespace draftp
