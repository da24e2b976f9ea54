// Merges the files' declarations of tokens as transformers does.
#include "draftp/text/tokenizer_config.h"

#include <algorithm>
#include <charconv>
#include <limits>
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
  std::map<std::string, SpecialToken> named;  // by kNames
  std::set<std::string> names_in_files;       // those of kNames that aren't defaults
  std::map<std::string, SpecialToken> added;  // by content
  bool has_decoder = false;
};

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
    declarations.names_in_files.insert(name);
  }
}

// A token that `reader` says at `key` has this id; what an earlier file said of its flags is void.
void Declare(JsonReader& reader, const std::string& key, const SpecialToken& token, int64_t id,
             TokenizerConfig& config, Declarations& declarations) {
  if (token.content.empty()) reader.Fail(key, "found \"\", expected a token");
  const std::string where = absl::StrCat(Printable(reader.source(), 4096), ": key ", Quoted(key));
  const auto [known, is_new] = config.declared.emplace(token.content, DeclaredToken{id, where});
  if (!is_new && known->second.where == where) {
    reader.Fail(key, absl::StrCat("found ", Quoted(token.content, 60),
                                  " a second time, expected each token once"));
  } else if (!is_new && known->second.id != id) {
    reader.Fail(key, absl::StrCat("token ", Quoted(token.content, 60), ": found id ", id,
                                  ", expected ", known->second.id, " as in ", known->second.where));
  }
  declarations.added[token.content] = token;
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
    Declare(reader, kKey, *token, id, config, declarations);
  }
}

// added_tokens.json, an object from token to id: a named or further special token is matched as
// typed, any other in normalized text.
void ReadAddedTokens(JsonReader& reader, const std::set<std::string>& special,
                     TokenizerConfig& config, Declarations& declarations) {
  for (const std::string& content : reader.Unknown()) {
    const int64_t id = reader.IntBetween(content, 0, std::numeric_limits<int32_t>::max());
    Declare(reader, content, {content, !special.contains(content)}, id, config, declarations);
  }
}

// added_tokens of tokenizer.json: a list of tokens, each with its id.
void ReadTokenizerJsonTokens(JsonReader& reader, TokenizerConfig& config,
                             Declarations& declarations) {
  constexpr const char* kKey = "added_tokens";
  const Json* list = reader.Find(kKey);
  if (list == nullptr || !list->is_array()) {
    reader.Fail(kKey, absl::StrCat("found ", list == nullptr ? "nothing" : Show(*list),
                                   ", expected a list of tokens"));
    return;
  }
  for (const Json& value : *list) {
    const auto token = ParseToken(reader, kKey, value);
    if (!token.has_value()) return;
    const Json id = value.is_object() ? value.value("id", Json()) : Json();
    if (!id.is_number_integer() || id < 0 || id > std::numeric_limits<int32_t>::max()) {
      reader.Fail(kKey, absl::StrCat("token ", Quoted(token->content, 60), ": found id ", Show(id),
                                     ", expected a number from 0"));
      return;
    }
    Declare(reader, kKey, *token, id.get<int64_t>(), config, declarations);
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

// The further special tokens that a file lists, by content, each with its key.
std::map<std::string, std::string> FurtherTokens(JsonReader& reader) {
  std::map<std::string, std::string> further;
  const auto take = [&](const std::string& key, const Json& value) {
    if (const auto token = ParseToken(reader, key, value)) further.emplace(token->content, key);
  };
  for (const char* key : {"extra_special_tokens", "additional_special_tokens"}) {
    const Json* list = reader.Find(key);
    if (list == nullptr || !list->is_structured()) continue;
    for (const Json& value : *list) take(key, value);
  }
  for (const char* key : {"sep_token", "cls_token", "mask_token"}) {
    const Json* value = reader.Find(key);
    if (value != nullptr && !value->is_null()) take(key, *value);
  }
  return further;
}

void CheckFurtherTokens(JsonReader& reader, const std::set<std::string>& known) {
  for (const auto& [content, key] : FurtherTokens(reader)) {
    if (known.contains(content)) continue;
    reader.Fail(key, absl::StrCat("found the further special token ", Quoted(content, 60),
                                  " without an id, expected it in added_tokens_decoder or "
                                  "added_tokens.json too"));
  }
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
  std::set<std::string> contents;
  for (const auto& [content, token] : declarations.added) {
    normalized[content] = token.normalized;
    contents.insert(content);
  }
  contents.erase(declarations.named.at("pad_token").content);
  for (const char* name : {"bos_token", "eos_token", "unk_token"}) {
    contents.insert(declarations.named.at(name).content);
  }
  std::vector<SpecialToken> tokens;
  for (const std::string& content : contents) tokens.push_back({content, normalized.at(content)});
  return tokens;
}

// The special tokens that decide which of added_tokens.json are special: those that the files name,
// but for additional_special_tokens of special_tokens_map.json, which transformers 5 forgets here.
std::set<std::string> NamedSpecial(JsonReader& config, JsonReader& map,
                                   const Declarations& declarations) {
  std::set<std::string> special;
  for (const std::string& name : declarations.names_in_files) {
    special.insert(declarations.named.at(name).content);
  }
  for (const auto& [content, key] : FurtherTokens(config)) special.insert(content);
  for (const auto& [content, key] : FurtherTokens(map)) {
    if (key != "additional_special_tokens") special.insert(content);
  }
  return special;
}

}  // namespace

absl::StatusOr<TokenizerConfig> ReadTokenizerConfig(const TokenizerFiles& files,
                                                    const Json& tokenizer_json) {
  TokenizerConfig config;
  Declarations declarations;
  declarations.named = {{"bos_token", {config.start}},
                        {"eos_token", {config.end}},
                        {"unk_token", {config.end}},
                        {"pad_token", {config.pad}}};
  absl::StatusOr<JsonReader> reader = files.ReadConfig("tokenizer_config.json");
  if (!reader.ok()) return reader.status();
  config.max_length = reader->IntBetween("model_max_length", 3, 1024, config.max_length);
  CheckFixedKeys(*reader);
  ReadNamed(*reader, declarations);
  ReadDecoder(*reader, config, declarations);

  // With a decoder these two may still be damaged, but say nothing.
  absl::StatusOr<JsonReader> map = files.ReadConfig("special_tokens_map.json");
  if (!map.ok()) return map.status();
  absl::StatusOr<JsonReader> added = JsonReader("", Json::object());
  JsonReader whole(files.Path("tokenizer.json"), Json::object());
  if (!declarations.has_decoder) {
    ReadNamed(*map, declarations);
    added = files.ReadConfig("added_tokens.json");
    if (!added.ok()) return added.status();
    ReadAddedTokens(*added, NamedSpecial(*reader, *map, declarations), config, declarations);
    if (!tokenizer_json.is_null()) {
      whole = JsonReader(files.Path("tokenizer.json"),
                         {{"added_tokens", tokenizer_json.value("added_tokens", Json())}});
      ReadTokenizerJsonTokens(whole, config, declarations);
    }
  }

  std::set<std::string> known;
  for (const auto& [name, token] : declarations.named) {
    if (token.content.empty()) reader->Fail(name, "found \"\", expected a token");
    known.insert(token.content);
  }
  for (const auto& [content, token] : declarations.added) known.insert(content);
  CheckFurtherTokens(*reader, known);
  if (!declarations.has_decoder) CheckFurtherTokens(*map, known);
  for (const JsonReader* one : {&*reader, &*map, &*added, &whole}) {
    if (!one->status().ok()) return one->status();
  }
  config.start = declarations.named["bos_token"].content;
  config.end = declarations.named["eos_token"].content;
  config.pad = declarations.named["pad_token"].content;
  config.in_captions = InCaptions(declarations);
  return config;
}

}  // namespace draftp
