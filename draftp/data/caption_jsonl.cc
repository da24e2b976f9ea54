// Splits into lines and parses each.
#include "draftp/data/caption_jsonl.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/data/caption_check.h"
#include "draftp/data/prompts.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

absl::Status Error(const std::string& where, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(Printable(where, 4200), ": ", what));
}

// `where` is file and line.
absl::StatusOr<std::string> CaptionOfLine(const std::string& where, std::string_view line) {
  if (line.size() > kMaxConfigBytes) {
    return Error(where,
                 absl::StrCat("found ", line.size(), " bytes, expected at most ", kMaxConfigBytes));
  }
  absl::StatusOr<nlohmann::json> json = ParseJson(where, line);
  if (!json.ok()) return json.status();
  if (!json->is_object()) {
    return Error(where, absl::StrCat("found ", json->type_name(), ", expected an object"));
  }
  const bool has_caption = json->contains("caption"), has_prompt = json->contains("prompt");
  if (has_caption == has_prompt) {
    return Error(where, has_caption ? "found both keys caption and prompt, expected one of them"
                                    : "found neither key caption nor prompt, expected one of them");
  }
  nlohmann::json& value = (*json)[has_caption ? "caption" : "prompt"];
  if (!value.is_string()) {
    return Error(where, absl::StrCat("key ", has_caption ? "caption" : "prompt", ": found ",
                                     value.type_name(), ", expected text"));
  }
  std::string caption = std::move(value.get_ref<std::string&>());
  const absl::Status status = CheckCaption(caption);
  if (!status.ok()) return Error(where, std::string(status.message()));
  return caption;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadCaptionJsonl(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxCaptionFileBytes);
  if (!text.ok()) return text.status();
  std::string_view rest = *text;
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  std::vector<std::string> captions;
  for (int64_t number = 1; !rest.empty(); ++number) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    absl::StatusOr<std::string> caption =
        CaptionOfLine(absl::StrCat(path, ": line ", number), line);
    if (!caption.ok()) return caption.status();
    if (captions.size() == kMaxCaptions) {
      return Error(path, absl::StrCat("found more than ", kMaxCaptions,
                                      " captions, expected at most that many"));
    }
    captions.push_back(*std::move(caption));
  }
  if (!captions.empty()) return captions;
  return Error(path, "found no caption, expected at least one line with an object");
}

}  // namespace draftp
