// The special tokens and length of a tokenizer folder: tokenizer_config.json,
// special_tokens_map.json.
#ifndef DRAFTP_TEXT_TOKENIZER_CONFIG_H_
#define DRAFTP_TEXT_TOKENIZER_CONFIG_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace draftp {

struct SpecialToken {
  std::string content;
  // Where a caption is searched for it: in normalized text (so that any case matches), or as typed.
  bool normalized = false;
  bool operator==(const SpecialToken&) const = default;
};

struct TokenizerConfig {
  std::string start = "<|startoftext|>";
  std::string end = "<|endoftext|>";
  std::string pad = "<|endoftext|>";
  // Tokens that a caption may spell out, by content: start, end and unknown. The padding token
  // isn't among them unless it is one of these, so that bigG's "!" stays a word.
  std::vector<SpecialToken> in_captions;
  std::map<std::string, int64_t> declared_ids;  // added_tokens_decoder: content to id
  int64_t max_length = 77;                      // tokens with start and end, 3 to 1024
};

// Reads a folder by the rules of transformers 5.17. Both files may be absent, and so may their
// keys: the defaults above hold. special_tokens_map.json overrides tokenizer_config.json unless
// that has added_tokens_decoder. Errors (naming file and key): what changes the ids and isn't
// supported, that is further special tokens, stripping or single-word tokens, padding or cutting on
// the left, do_lower_case false, split_special_tokens true.
absl::StatusOr<TokenizerConfig> ReadTokenizerConfig(const std::string& dir);

}  // namespace draftp

#endif  // DRAFTP_TEXT_TOKENIZER_CONFIG_H_
