// Reads from the file system or from a map.
#include "draftp/text/tokenizer_files.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {

TokenizerFiles::TokenizerFiles(std::string source,
                               std::optional<std::map<std::string, std::string>> texts)
    : source_(std::move(source)), texts_(std::move(texts)) {}

TokenizerFiles TokenizerFiles::Folder(std::string dir) { return {std::move(dir), std::nullopt}; }

TokenizerFiles TokenizerFiles::Texts(std::string source, std::map<std::string, std::string> texts) {
  return {std::move(source), std::move(texts)};
}

bool TokenizerFiles::Has(const std::string& name) const {
  if (texts_.has_value()) return texts_->contains(name);
  std::error_code error;
  return std::filesystem::symlink_status(Path(name), error).type() !=
         std::filesystem::file_type::not_found;
}

std::string TokenizerFiles::Path(const std::string& name) const { return source_ + "/" + name; }

absl::StatusOr<std::string> TokenizerFiles::Read(const std::string& name, int64_t max_bytes) const {
  if (!texts_.has_value()) return ReadFile(Path(name), max_bytes);
  const std::string where = Printable(Path(name), 4096);
  const auto found = texts_->find(name);
  if (found == texts_->end()) {
    return absl::NotFoundError(absl::StrCat(where, ": found nothing, expected a text"));
  }
  if (static_cast<int64_t>(found->second.size()) > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": found more than ", max_bytes, " bytes, expected at most that"));
  }
  return found->second;
}

absl::StatusOr<nlohmann::json> TokenizerFiles::ReadJson(const std::string& name,
                                                        int64_t max_bytes) const {
  const absl::StatusOr<std::string> text = Read(name, max_bytes);
  if (!text.ok()) return text.status();
  return ParseJson(Path(name), *text);
}

absl::StatusOr<JsonReader> TokenizerFiles::ReadConfig(const std::string& name) const {
  if (!Has(name)) return JsonReader(Path(name), nlohmann::json::object());
  absl::StatusOr<nlohmann::json> json = ReadJson(name, kMaxConfigBytes);
  if (!json.ok()) return json.status();
  JsonReader reader(Path(name), *std::move(json));
  if (!reader.status().ok()) return reader.status();
  return reader;
}

}  // namespace draftp
