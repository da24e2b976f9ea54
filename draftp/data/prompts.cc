// Splits and checks prompt files.
#include "draftp/data/prompts.h"

#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"
#include "draftp/io/utf8.h"

namespace draftp {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

absl::Status CheckPrompt(std::string_view caption) {
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

absl::StatusOr<std::vector<std::string>> ReadPrompts(const std::string& path) {
  return ReadPrompts(path, CheckPrompt);
}

absl::StatusOr<std::vector<std::string>> ReadPrompts(
    const std::string& path, absl::FunctionRef<absl::Status(std::string_view)> check) {
  const absl::StatusOr<std::string> text = ReadFileOrStream(path, kMaxCaptionFileBytes);
  if (!text.ok()) return text.status();
  std::string_view rest = *text;
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  std::vector<std::string> prompts;
  for (int64_t number = 1; !rest.empty(); ++number) {
    const size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    if (const absl::Status status = check(line); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(Printable(path, 4096), ": line ", number, ": ", status.message()));
    }
    if (prompts.size() == kMaxCaptions) {
      return absl::InvalidArgumentError(absl::StrCat(Printable(path, 4096), ": found more than ",
                                                     kMaxCaptions,
                                                     " captions, expected at most that many"));
    }
    prompts.emplace_back(line);
  }
  if (!prompts.empty()) return prompts;
  return absl::InvalidArgumentError(absl::StrCat(
      Printable(path, 4096), ": found no caption, expected at least one line of text"));
}

}  // namespace draftp
