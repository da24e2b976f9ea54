// Splits a caption at special tokens, normalizes and encodes what lies between, cuts and pads.
#include "draftp/text/clip_tokenizer.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"
#include "draftp/text/normalize.h"
#include "draftp/text/pre_tokenize.h"
#include "draftp/text/tokenizer_config.h"
#include "draftp/text/tokenizer_files.h"
#include "draftp/text/tokenizer_json.h"

namespace draftp {
namespace {

// Calls on_special(id) and on_text(view) from left to right; where several specials start at one
// place the longest counts.
template <class Specials, class OnSpecial, class OnText>
void SplitAtSpecials(std::u32string_view text, const Specials& specials, OnSpecial on_special,
                     OnText on_text) {
  size_t text_begin = 0, i = 0;
  while (i < text.size()) {
    const auto* longest = static_cast<decltype(&specials.front())>(nullptr);
    for (const auto& special : specials) {
      if (text.substr(i).starts_with(special.content) &&
          (longest == nullptr || special.content.size() > longest->content.size())) {
        longest = &special;
      }
    }
    if (longest == nullptr) {
      ++i;
      continue;
    }
    if (i > text_begin) on_text(text.substr(text_begin, i - text_begin));
    on_special(longest->id);
    i += longest->content.size();
    text_begin = i;
  }
  if (text.size() > text_begin) on_text(text.substr(text_begin));
}

// The first token that no text can give: neither special nor made by a merge.
std::optional<std::string> FirstUnmade(const BytePairModel& model, const TokenizerConfig& config) {
  const std::set<std::string> special = {config.start, config.end, config.pad};
  for (const std::string& token : model.unmade()) {
    const auto is_token = [&token](const SpecialToken& one) { return one.content == token; };
    if (special.contains(token) || config.declared.contains(token)) continue;
    if (std::none_of(config.in_captions.begin(), config.in_captions.end(), is_token)) return token;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<ClipTokenizer> ClipTokenizer::Open(const std::string& dir) {
  return Open(TokenizerFiles::Folder(dir));
}

absl::StatusOr<ClipTokenizer> ClipTokenizer::Open(const TokenizerFiles& files) {
  const bool one_file = IsTokenizerJson(files);
  absl::StatusOr<nlohmann::json> whole = nlohmann::json();
  if (one_file) whole = ReadTokenizerJson(files);
  if (!whole.ok()) return whole.status();
  const absl::StatusOr<TokenizerConfig> config = ReadTokenizerConfig(files, *whole);
  if (!config.ok()) return config.status();
  const std::string vocabulary_file = files.Path(one_file ? kTokenizerJson : "vocab.json");
  const std::string merges_file = files.Path(one_file ? kTokenizerJson : "merges.txt");
  absl::StatusOr<BytePairModel> model =
      one_file ? BytePairModel::FromTokenizerJson(vocabulary_file, *whole)
               : BytePairModel::Open(files);
  if (!model.ok()) return model.status();
  const std::optional<std::string> unmade = FirstUnmade(*model, *config);
  ClipTokenizer tokenizer(*std::move(model), Printable(vocabulary_file, 4096));
  if (absl::Status status = tokenizer.AddDeclared(*config); !status.ok()) return status;
  if (unmade.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(merges_file, 4096), ": found no merge that makes the token ",
                     Quoted(*unmade, 60), one_file ? "" : " of vocab.json", ", expected one"));
  }
  if (absl::Status status = tokenizer.TakeTokens(*config); !status.ok()) return status;
  if (!one_file) return tokenizer;
  const absl::Status special = CheckSpecialTokens(vocabulary_file, *whole,
                                                  {.start = config->start,
                                                   .end = config->end,
                                                   .pad = config->pad,
                                                   .start_id = tokenizer.start_,
                                                   .end_id = tokenizer.end_});
  if (!special.ok()) return special;
  return tokenizer;
}

std::optional<int64_t> ClipTokenizer::Find(const std::string& token) const {
  const auto added = added_.find(token);
  return added == added_.end() ? model_.Find(token) : added->second;
}

// As transformers adds tokens: in order of their ids, from the end of the vocabulary on.
absl::Status ClipTokenizer::AddDeclared(const TokenizerConfig& config) {
  std::vector<std::pair<int64_t, std::string>> by_id;
  for (const auto& [content, token] : config.declared) by_id.emplace_back(token.id, content);
  std::sort(by_id.begin(), by_id.end());
  for (const auto& [id, content] : by_id) {
    const std::string& where = config.declared.at(content).where;
    const std::optional<int64_t> found = model_.Find(content);
    if (found.has_value() && *found != id) {
      return absl::InvalidArgumentError(absl::StrCat(vocabulary_file_, ": token ",
                                                     Quoted(content, 60), ": found id ", *found,
                                                     ", expected id ", id, " as in ", where));
    }
    if (!found.has_value() && id != vocabulary_size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": token ", Quoted(content, 60), ": found id ", id, ", expected ",
                       vocabulary_size(), ", the next behind ", vocabulary_file_));
    }
    if (!found.has_value()) added_.emplace(content, id);
  }
  return absl::OkStatus();
}

absl::Status ClipTokenizer::TakeTokens(const TokenizerConfig& config) {
  std::string missing;
  const auto id_of = [&](const std::string& content) {
    const std::optional<int64_t> id = Find(content);
    if (!id.has_value()) missing = content;
    return id.value_or(0);
  };
  start_ = id_of(config.start);
  end_ = id_of(config.end);
  pad_ = id_of(config.pad);
  max_length_ = config.max_length;
  std::map<std::u32string, std::string> normalized;
  for (const SpecialToken& token : config.in_captions) {
    const std::u32string content = DecodeCaption(token.content);
    const int64_t id = id_of(token.content);
    if (!token.normalized) {
      as_typed_.push_back({content, id});
      continue;
    }
    normalized_.push_back({NormalizeCaption(content), id});
    const auto [same, is_new] = normalized.emplace(normalized_.back().content, token.content);
    if (is_new) continue;
    const auto declared = config.declared.find(token.content);
    return absl::InvalidArgumentError(
        absl::StrCat(declared == config.declared.end() ? vocabulary_file_ : declared->second.where,
                     ": found ", Quoted(token.content, 60), ", which in normalized text is ",
                     Quoted(same->second, 60), ", expected tokens that differ there"));
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(vocabulary_file_, ": found no token ",
                                                 Quoted(missing, 60), " among ", vocabulary_size(),
                                                 ", expected the special tokens there"));
}

ClipTokenizer::Encoded ClipTokenizer::Encode(const std::string& utf8) const {
  std::vector<int64_t> ids{start_};
  SplitAtSpecials(
      DecodeCaption(utf8), as_typed_, [&](int64_t id) { ids.push_back(id); },
      [&](std::u32string_view text) { AppendText(text, ids); });
  const auto tokens = static_cast<int64_t>(ids.size()) - 1;
  const int64_t kept = std::min(tokens, max_length_ - 2);
  ids.resize(kept + 1);
  ids.push_back(end_);
  ids.resize(max_length_, pad_);
  return {std::move(ids), tokens, kept < tokens};
}

void ClipTokenizer::AppendText(std::u32string_view text, std::vector<int64_t>& ids) const {
  SplitAtSpecials(
      NormalizeCaption(text), normalized_, [&](int64_t id) { ids.push_back(id); },
      [&](std::u32string_view part) { AppendNormalized(part, ids); });
}

void ClipTokenizer::AppendNormalized(std::u32string_view text, std::vector<int64_t>& ids) const {
  for (const std::u32string_view word : SplitIntoWords(text))
    model_.AppendWord(EncodeUtf8(word), ids);
}

}  // namespace draftp
