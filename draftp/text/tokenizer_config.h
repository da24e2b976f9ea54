// The special and added tokens and the length of a tokenizer: tokenizer_config.json,
// special_tokens_map.json, added_tokens.json, tokenizer.json.
#ifndef DRAFTP_TEXT_TOKENIZER_CONFIG_H_
#define DRAFTP_TEXT_TOKENIZER_CONFIG_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/text/tokenizer_files.h"

namespace draftp {

struct SpecialToken {
  std::string content;
  // Where a caption is searched for it: in normalized text (so that any case matches), or as typed.
  bool normalized = false;
  bool operator==(const SpecialToken&) const = default;
};

// A token with an id of its own: in the vocabulary, or behind it as textual inversion adds them.
struct DeclaredToken {
  int64_t id;
  std::string where;  // file and key
};

struct TokenizerConfig {
  std::string start = "<|startoftext|>";
  std::string end = "<|endoftext|>";
  std::string pad = "<|endoftext|>";
  // Tokens that a caption may spell out, by content: start, end, unknown and all declared ones. The
  // padding token isn't among them unless it is start, end or unknown, so that bigG's "!" stays a
  // word.
  std::vector<SpecialToken> in_captions;
  std::map<std::string, DeclaredToken> declared;  // by content
  int64_t max_length = 77;                        // tokens with start and end, 3 to 1024
};

// Reads them by the rules of transformers 5.17. Each file may be absent, and so may its keys: the
// defaults above hold. special_tokens_map.json overrides tokenizer_config.json. Tokens with ids are
// declared by added_tokens_decoder of tokenizer_config.json, and then the other files count for
// nothing; else by added_tokens.json, then by added_tokens of `tokenizer_json` (null: there is
// none). Errors (naming file and key): one token with two ids, and what changes the ids and isn't
// supported, that is further special tokens without an id, stripping or single-word tokens, padding
// or cutting on the left, do_lower_case false, split_special_tokens true.
absl::StatusOr<TokenizerConfig> ReadTokenizerConfig(const TokenizerFiles& files,
                                                    const nlohmann::json& tokenizer_json = nullptr);

}  // namespace draftp

#endif  // DRAFTP_TEXT_TOKENIZER_CONFIG_H_
