// Splits a caption at special tokens, normalizes and encodes what lies between, cuts and pads.
#include "draftp/text/clip_tokenizer.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"
#include "draftp/text/normalize.h"
#include "draftp/text/pre_tokenize.h"

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
    if (special.contains(token) || config.declared_ids.contains(token)) continue;
    if (std::none_of(config.in_captions.begin(), config.in_captions.end(), is_token)) return token;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<ClipTokenizer> ClipTokenizer::Open(const std::string& dir) {
  const absl::StatusOr<TokenizerConfig> config = ReadTokenizerConfig(dir);
  if (!config.ok()) return config.status();
  const std::string vocab_path = dir + "/vocab.json", merges_path = dir + "/merges.txt";
  absl::StatusOr<BytePairModel> model = BytePairModel::Open(vocab_path, merges_path);
  if (!model.ok()) return model.status();
  const auto error = [&vocab_path](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(Printable(vocab_path, 4096), ": ", what));
  };
  for (const auto& [content, id] : config->declared_ids) {
    const std::optional<int64_t> found = model->Find(content);
    if (found == id) continue;
    return error(absl::StrCat("token ", Quoted(content, 60), ": found ",
                              found.has_value() ? absl::StrCat("id ", *found) : "nothing",
                              ", expected id ", id,
                              " as added_tokens_decoder of tokenizer_config.json says"));
  }
  if (const auto unmade = FirstUnmade(*model, *config)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(merges_path, 4096), ": found no merge that makes the token ",
                     Quoted(*unmade, 60), " of vocab.json, expected one"));
  }
  ClipTokenizer tokenizer(*std::move(model));
  std::string missing;
  const auto id_of = [&](const std::string& content) {
    const std::optional<int64_t> id = tokenizer.model_.Find(content);
    if (!id.has_value()) missing = content;
    return id.value_or(0);
  };
  tokenizer.start_ = id_of(config->start);
  tokenizer.end_ = id_of(config->end);
  tokenizer.pad_ = id_of(config->pad);
  tokenizer.max_length_ = config->max_length;
  for (const SpecialToken& token : config->in_captions) {
    const std::u32string content = DecodeCaption(token.content);
    const int64_t id = id_of(token.content);
    if (token.normalized) {
      tokenizer.normalized_.push_back({NormalizeCaption(content), id});
    } else {
      tokenizer.as_typed_.push_back({content, id});
    }
  }
  if (missing.empty()) return tokenizer;
  return error(absl::StrCat("found no token ", Quoted(missing, 60), " among ",
                            tokenizer.vocabulary_size(), ", expected the special tokens there"));
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
