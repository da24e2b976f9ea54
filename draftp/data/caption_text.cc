#include "draftp/data/caption_text.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/data/caption_json.h"
#include "draftp/io/json_file.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

// An object, or an array of them or of texts: what people have who mistake a file's kind. A prompt
// may be in brackets, but isn't JSON then.
bool IsJson(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || (text[begin] != '{' && text[begin] != '[')) return false;
  const auto json = ParseJson("", text.substr(begin, kMaxJsonBytes));
  if (!json.ok() || json->empty()) return false;
  return json->is_object() || json->front().is_object() || json->front().is_string();
}

absl::Status AddLines(std::string_view text, CaptionList& list) {
  return ForEachLine(text, [&](std::string_view line, int64_t number) {
    if (line.find_first_not_of(" \t") == std::string_view::npos) return absl::OkStatus();
    const std::string where = absl::StrCat("line ", number);
    if (!IsJson(line)) return list.Add(where, std::string(line));
    return list.Error(where, "found JSON, expected a caption (.json and .jsonl files hold JSON)");
  });
}

}  // namespace

absl::StatusOr<CaptionSet> ReadCaptionText(const std::string& path, EmptyCaptions empty) {
  const absl::StatusOr<std::string> text = ReadCaptionBytes(path);
  if (!text.ok()) return text.status();
  const std::string_view first_line = std::string_view(*text).substr(0, text->find('\n'));
  if (IsStream(path) && (IsJson(first_line) || IsJson(*text)))
    return ParseCaptionJson(path, *text, empty);
  CaptionList list(path, empty);
  if (IsJson(*text))
    return list.Error("",
                      "found JSON, expected a caption a line (.json and .jsonl files hold JSON)");
  if (absl::Status added = AddLines(*text, list); !added.ok()) return added;
  if (list.blank() && empty == EmptyCaptions::kSkip) {
    if (absl::Status added = list.Add("", ""); !added.ok()) return added;
  }
  return list.Finish("at least one line of text");
}

}  // namespace draftp
