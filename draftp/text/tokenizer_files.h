// The files that a tokenizer consists of: those of a folder, or texts that were kept elsewhere.
#ifndef DRAFTP_TEXT_TOKENIZER_FILES_H_
#define DRAFTP_TEXT_TOKENIZER_FILES_H_

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/io/json_file.h"

namespace draftp {

// Files by name, such as vocab.json. Nothing is read before it is asked for.
//
//   TokenizerFiles::Folder("model/tokenizer")
//   TokenizerFiles::Texts("sdxl.safetensors: metadata tokenizer", {{"tokenizer.json", "{..."}})
class TokenizerFiles {
 public:
  // All that a tokenizer may have.
  static constexpr std::array kNames = {"vocab.json",        "merges.txt",
                                        "tokenizer.json",    "tokenizer_config.json",
                                        "added_tokens.json", "special_tokens_map.json"};

  static TokenizerFiles Folder(std::string dir);
  // Texts from memory, by the names that they would have as files; `source` is for messages.
  static TokenizerFiles Texts(std::string source, std::map<std::string, std::string> texts);

  // A link that leads nowhere is there, too: reading it says so.
  bool Has(const std::string& name) const;
  // `dir` or `source`, a slash and `name`: what messages call the file.
  std::string Path(const std::string& name) const;
  // Errors, which begin with Path(name): those of ReadFile, also for texts: absent, too large.
  absl::StatusOr<std::string> Read(const std::string& name, int64_t max_bytes) const;
  // ParseJson of it.
  absl::StatusOr<nlohmann::json> ReadJson(const std::string& name,
                                          int64_t max_bytes = kMaxJsonBytes) const;
  // A config of at most kMaxConfigBytes; an empty one if the file is absent.
  absl::StatusOr<JsonReader> ReadConfig(const std::string& name) const;

 private:
  TokenizerFiles(std::string source, std::optional<std::map<std::string, std::string>> texts);

  std::string source_;
  std::optional<std::map<std::string, std::string>> texts_;  // none: files of the folder `source_`
};

}  // namespace draftp

#endif  // DRAFTP_TEXT_TOKENIZER_FILES_H_
