// Takes the captions out of a shard.
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
#include "draftp/data/caption_json.h"
#include "draftp/io/json_file.h"
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

std::string Where(const std::string& member) {
  return absl::StrCat("member ", Quoted(member, 300));
}

// Of a shard's KEY.json, as long as it has shown no text member: whether one will come isn't known
// before the end.
class JsonMembers {
 public:
  JsonMembers(std::string path, EmptyCaptions empty) : path_(path), list_(std::move(path), empty) {}

  absl::Status Take(const std::string& member, TarReader& tar) {
    if (!status_.ok()) return absl::OkStatus();
    const absl::StatusOr<std::string> text = tar.Read(kMaxConfigBytes);
    if (!text.ok()) return text.status();
    const auto json = ParseJson(absl::StrCat(path_, ": ", Where(member)), WithoutMarks(*text));
    const auto caption = json.ok() ? CaptionOfObject(*json) : json.status();
    if (caption.ok())
      status_ = list_.Add(Where(member), *caption);
    else
      status_ = json.ok() ? list_.Error(Where(member), caption.status().message()) : json.status();
    return absl::OkStatus();
  }
  // What the shard's captions are where it has no text members.
  absl::StatusOr<CaptionSet> Finish(int64_t passed_over) {
    if (!status_.ok()) return status_;
    if (!list_.blank() || passed_over == 0)
      return list_.Finish("members named KEY.txt, KEY.caption or KEY.json");
    return list_.Error("", absl::StrCat("found no caption and ", passed_over,
                                        " links or devices, which are passed over, expected files "
                                        "named KEY.txt, KEY.caption or KEY.json"));
  }

 private:
  std::string path_;
  CaptionList list_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<CaptionSet> ReadCaptionTar(const std::string& path, EmptyCaptions empty) {
  absl::StatusOr<TarReader> tar = TarReader::Open(path);
  if (!tar.ok()) return tar.status();
  CaptionList list(path, empty);
  JsonMembers json(path, empty);
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
    if (key.empty()) continue;
    const std::string ending = absl::AsciiStrToLower(name.substr(key.size()));
    if (ending == ".json" && list.blank()) {
      if (absl::Status taken = json.Take(name, *tar); !taken.ok()) return taken;
    }
    if (ending != ".txt" && ending != ".caption") continue;
    if (std::exchange(captioned, true)) {
      return list.Error("", absl::StrCat("found a second member ", Quoted(name, 300),
                                         ", expected one caption a key"));
    }
    // With room for marks that are dropped; CheckCaption knows the limit.
    const absl::StatusOr<std::string> text = tar->Read(kMaxCaptionBytes + 5);
    if (!text.ok()) return text.status();
    if (absl::Status added = list.Add(Where(name), WithoutMarks(*text)); !added.ok()) return added;
  }
  return list.blank() ? json.Finish(tar->passed_over()) : list.Finish("");
}

}  // namespace draftp
