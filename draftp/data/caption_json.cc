#include "draftp/data/caption_json.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxArrayBytes = 64 << 20;

// The only key of an object that names captions. Null: an error of `error`.
const Json* CaptionValue(const Json& object, std::string& key, std::string& error) {
  const Json* value = nullptr;
  for (const auto& [name, found] : object.items()) {
    if (!IsCaptionName(name)) continue;
    if (value != nullptr) {
      error = absl::StrCat("found both keys ", Printable(key, 60), " and ", Printable(name, 60),
                           ", expected one of them");
      return nullptr;
    }
    key = name;
    value = &found;
  }
  if (value == nullptr)
    error = absl::StrCat("found none of the keys ", kCaptionNames, ", expected one of them");
  return value;
}

// `where` is the file, for messages of the parser, with line or member.
absl::Status AddLine(const std::string& path, std::string_view line, int64_t number,
                     CaptionList& list) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return absl::OkStatus();
  const std::string where = absl::StrCat("line ", number);
  if (line.size() > static_cast<size_t>(kMaxConfigBytes)) {
    return list.Error(
        where, absl::StrCat("found ", line.size(), " bytes, expected at most ", kMaxConfigBytes));
  }
  const absl::StatusOr<Json> json = ParseJson(absl::StrCat(path, ": ", where), line);
  if (!json.ok()) return json.status();
  absl::StatusOr<std::string> caption = CaptionOfObject(*json);
  if (!caption.ok()) return list.Error(where, caption.status().message());
  return list.Add(where, *std::move(caption));
}

absl::Status AddItems(const Json& array, CaptionList& list) {
  int64_t number = 0;
  for (const Json& item : array) {
    const std::string where = absl::StrCat("item ", ++number);
    absl::StatusOr<std::string> caption =
        item.is_string() ? item.get<std::string>() : CaptionOfObject(item);
    if (!caption.ok()) return list.Error(where, caption.status().message());
    if (absl::Status added = list.Add(where, *std::move(caption)); !added.ok()) return added;
  }
  return absl::OkStatus();
}

// Of a file that is one value.
absl::Status AddWhole(const Json& json, CaptionList& list) {
  if (json.is_array()) return AddItems(json, list);
  std::string key, error;
  const Json* const value = CaptionValue(json, key, error);
  if (value == nullptr) return list.Error("", error);
  if (value->is_array()) return AddItems(*value, list);
  const absl::StatusOr<std::string> caption = CaptionOfObject(json);
  return caption.ok() ? list.Add("", *caption) : list.Error("", caption.status().message());
}

}  // namespace

absl::StatusOr<std::string> CaptionOfObject(const Json& object) {
  const auto error = [](const std::string& what) { return absl::InvalidArgumentError(what); };
  if (!object.is_object())
    return error(absl::StrCat("found ", object.type_name(), ", expected an object"));
  std::string key, what;
  const Json* const value = CaptionValue(object, key, what);
  if (value == nullptr) return error(what);
  if (value->is_string()) return value->get<std::string>();
  return error(
      absl::StrCat("key ", Printable(key, 60), ": found ", value->type_name(), ", expected text"));
}

absl::StatusOr<CaptionSet> ParseCaptionJson(const std::string& path, std::string_view text,
                                            EmptyCaptions empty) {
  CaptionList list(path, empty);
  const size_t begin = text.find_first_not_of(" \t\r\n");
  const bool array = begin != std::string_view::npos && text[begin] == '[';
  // Of lines, the first that isn't the last tells that it isn't one value.
  if (text.size() <= kMaxArrayBytes) {
    const absl::StatusOr<Json> whole = ParseJson(path, text);
    if (!whole.ok() && array) return whole.status();
    if (whole.ok() && (array || whole->is_object())) {
      if (absl::Status added = AddWhole(*whole, list); !added.ok()) return added;
      return list.Finish("an array of captions");
    }
  } else if (array) {
    return list.Error("",
                      absl::StrCat("found an array of ", text.size(), " bytes, expected at most ",
                                   kMaxArrayBytes, ", or an object a line"));
  }
  absl::Status added = ForEachLine(text, [&](std::string_view line, int64_t number) {
    return AddLine(path, line, number, list);
  });
  if (!added.ok()) return added;
  return list.Finish("at least one line with an object");
}

absl::StatusOr<CaptionSet> ReadCaptionJson(const std::string& path, EmptyCaptions empty) {
  const absl::StatusOr<std::string> text = ReadCaptionBytes(path);
  return text.ok() ? ParseCaptionJson(path, *text, empty) : text.status();
}

}  // namespace draftp
