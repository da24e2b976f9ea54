// Merges the two files' declarations of special tokens as transformers does.
#include "draftp/text/tokenizer_config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

using Json = nlohmann::json;

// The order in which transformers adds them; of unlike declarations of a token the last one counts.
constexpr const char* kNames[] = {"bos_token", "eos_token", "unk_token", "pad_token"};

struct Declarations {
  std::map<std::string, SpecialToken> named;    // by kNames
  std::map<std::string, SpecialToken> decoder;  // by content
  bool has_decoder = false;
};

// A link that leads nowhere is there, too: opening it says so.
bool IsThere(const std::string& path) {
  std::error_code error;
  return std::filesystem::symlink_status(path, error).type() !=
         std::filesystem::file_type::not_found;
}

// An empty object if the file is absent.
absl::StatusOr<JsonReader> OpenIfPresent(const std::string& path) {
  if (!IsThere(path)) return JsonReader(path, Json::object());
  return JsonReader::Open(path);
}

std::string Show(const Json& value) {
  return Printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60);
}

// A token as text, or as an object with content and flags. Records its error in `reader`.
std::optional<SpecialToken> ParseToken(JsonReader& reader, const std::string& key,
                                       const Json& value) {
  if (value.is_string()) return SpecialToken{value.get<std::string>(), false};
  const auto content = value.find("content");
  if (!value.is_object() || content == value.end() || !content->is_string()) {
    reader.Fail(key, absl::StrCat("found ", Show(value),
                                  ", expected a token: text, or an object with content"));
    return std::nullopt;
  }
  const auto flag = [&](const char* name, bool fallback) {
    const auto found = value.find(name);
    if (found == value.end()) return fallback;
    if (!found->is_boolean()) {
      reader.Fail(key, absl::StrCat("found ", name, " ", Show(*found), ", expected true or false"));
      return fallback;
    }
    return found->get<bool>();
  };
  for (const char* name : {"lstrip", "rstrip", "single_word"}) {
    if (flag(name, false)) reader.Fail(key, absl::StrCat("found ", name, " true, expected false"));
  }
  return SpecialToken{content->get<std::string>(), flag("normalized", true)};
}

void ReadNamed(JsonReader& reader, Declarations& declarations) {
  for (const char* name : kNames) {
    const Json* value = reader.Find(name);
    if (value == nullptr) continue;
    if (auto token = ParseToken(reader, name, *value)) declarations.named[name] = *std::move(token);
  }
}

void ReadDecoder(JsonReader& reader, TokenizerConfig& config, Declarations& declarations) {
  constexpr const char* kKey = "added_tokens_decoder";
  const Json* decoder = reader.Find(kKey);
  if (decoder == nullptr) return;
  declarations.has_decoder = true;
  if (!decoder->is_object()) {
    reader.Fail(kKey,
                absl::StrCat("found ", Show(*decoder), ", expected an object from id to token"));
    return;
  }
  for (const auto& [id_text, value] : decoder->items()) {
    int64_t id = -1;
    const char* const end = id_text.data() + id_text.size();
    const auto parsed = std::from_chars(id_text.data(), end, id);
    if (parsed.ec != std::errc() || parsed.ptr != end || id < 0) {
      reader.Fail(kKey, absl::StrCat("found ", Quoted(id_text, 60), ", expected an id"));
      return;
    }
    const auto token = ParseToken(reader, kKey, value);
    if (!token.has_value()) return;
    if (!config.declared_ids.emplace(token->content, id).second) {
      reader.Fail(kKey, absl::StrCat("found ", Quoted(token->content, 60),
                                     " a second time, expected each token once"));
      return;
    }
    declarations.decoder[token->content] = *token;
  }
}

// Keys whose usual value is the only one supported.
void CheckFixedKeys(JsonReader& reader) {
  for (const char* key : {"padding_side", "truncation_side"}) {
    const std::string side = reader.String(key, "right");
    if (side != "right")
      reader.Fail(key, absl::StrCat("found ", Quoted(side, 60), ", expected \"right\""));
  }
  if (!reader.Bool("do_lower_case", true))
    reader.Fail("do_lower_case", "found false, expected true");
  if (reader.Bool("split_special_tokens", false)) {
    reader.Fail("split_special_tokens", "found true, expected false");
  }
}

// Fails on special tokens other than the four named ones (`known`, by content).
void CheckFurtherTokens(JsonReader& reader, const std::set<std::string>& known) {
  const auto check = [&](const std::string& key, const Json& value) {
    const auto token = ParseToken(reader, key, value);
    if (token.has_value() && !known.contains(token->content)) {
      reader.Fail(key, absl::StrCat("found the further special token ", Quoted(token->content, 60),
                                    ", expected start, end, unknown and padding tokens only"));
    }
  };
  for (const char* key : {"extra_special_tokens", "additional_special_tokens"}) {
    const Json* list = reader.Find(key);
    if (list == nullptr || !list->is_structured()) continue;
    for (const Json& value : *list) check(key, value);
  }
  for (const char* key : {"sep_token", "cls_token", "mask_token"}) {
    const Json* value = reader.Find(key);
    if (value != nullptr && !value->is_null()) check(key, *value);
  }
}

absl::Status CheckAddedTokensFile(const std::string& path, const std::set<std::string>& known) {
  absl::StatusOr<JsonReader> added = OpenIfPresent(path);
  if (!added.ok()) return added.status();
  for (const std::string& token : added->Unknown()) {
    if (!known.contains(token)) {
      added->Fail(token,
                  "found a further token, expected start, end, unknown and padding tokens only");
    }
  }
  return added->status();
}

// What of the declarations a caption is searched for: each content once, with the flag that counts.
std::vector<SpecialToken> InCaptions(const Declarations& declarations) {
  std::vector<SpecialToken> distinct;
  for (const char* name : kNames) {
    const SpecialToken& token = declarations.named.at(name);
    if (std::find(distinct.begin(), distinct.end(), token) == distinct.end())
      distinct.push_back(token);
  }
  std::map<std::string, bool> normalized;
  for (const SpecialToken& token : distinct) normalized[token.content] = token.normalized;
  for (const auto& [content, token] : declarations.decoder) normalized[content] = token.normalized;
  std::set<std::string> contents;
  for (const char* name : {"bos_token", "eos_token", "unk_token"}) {
    contents.insert(declarations.named.at(name).content);
  }
  std::vector<SpecialToken> tokens;
  for (const std::string& content : contents) tokens.push_back({content, normalized.at(content)});
  return tokens;
}

}  // namespace

absl::StatusOr<TokenizerConfig> ReadTokenizerConfig(const std::string& dir) {
  TokenizerConfig config;
  Declarations declarations;
  declarations.named = {{"bos_token", {config.start}},
                        {"eos_token", {config.end}},
                        {"unk_token", {config.end}},
                        {"pad_token", {config.pad}}};
  absl::StatusOr<JsonReader> reader = OpenIfPresent(dir + "/tokenizer_config.json");
  if (!reader.ok()) return reader.status();
  config.max_length = reader->IntBetween("model_max_length", 3, 1024, config.max_length);
  CheckFixedKeys(*reader);
  ReadNamed(*reader, declarations);
  ReadDecoder(*reader, config, declarations);

  absl::StatusOr<JsonReader> map = OpenIfPresent(dir + "/special_tokens_map.json");
  if (!map.ok()) return map.status();
  if (!declarations.has_decoder) ReadNamed(*map, declarations);

  std::set<std::string> known;
  for (const auto& [name, token] : declarations.named) {
    if (token.content.empty()) reader->Fail(name, "found \"\", expected a token");
    known.insert(token.content);
  }
  for (const auto& [content, token] : declarations.decoder) {
    if (!known.contains(content)) {
      reader->Fail("added_tokens_decoder",
                   absl::StrCat("found the further token ", Quoted(content, 60),
                                ", expected start, end, unknown and padding tokens only"));
    }
  }
  CheckFurtherTokens(*reader, known);
  if (!declarations.has_decoder) CheckFurtherTokens(*map, known);
  if (!reader->status().ok()) return reader->status();
  if (!map->status().ok()) return map->status();
  if (!declarations.has_decoder) {
    const absl::Status added = CheckAddedTokensFile(dir + "/added_tokens.json", known);
    if (!added.ok()) return added;
  }
  config.start = declarations.named["bos_token"].content;
  config.end = declarations.named["eos_token"].content;
  config.pad = declarations.named["pad_token"].content;
  config.in_captions = InCaptions(declarations);
  return config;
}

}  // namespace draftp
