// tokenizer.json: a whole tokenizer in one file, as the `tokenizers` library writes it.
#ifndef DRAFTP_TEXT_TOKENIZER_JSON_H_
#define DRAFTP_TEXT_TOKENIZER_JSON_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/text/tokenizer_files.h"

namespace draftp {

inline constexpr char kTokenizerJson[] = "tokenizer.json";

// Whether these files are to be read by tokenizer.json: vocab.json and merges.txt go first.
bool IsTokenizerJson(const TokenizerFiles& files);

// Reads it, at most 16 MiB, and holds its steps against those of transformers' CLIPTokenizer
// (5.17; of its pattern also the older form, without the special tokens): normalizer,
// pre_tokenizer, decoder, the model's flags, cutting and padding on the right. One-line errors name
// the file, the key as a JSON pointer, found, expected. What is left to check are model.vocab and
// model.merges (byte_pair.h), added_tokens (tokenizer_config.h) and the special tokens, below.
absl::StatusOr<nlohmann::json> ReadTokenizerJson(const TokenizerFiles& files);

struct SpecialIds {
  std::string start, end, pad;
  int64_t start_id, end_id;
};

// post_processor and padding against the special tokens that the other keys and files give.
absl::Status CheckSpecialTokens(const std::string& path, const nlohmann::json& tokenizer,
                                const SpecialIds& special);

}  // namespace draftp

#endif  // DRAFTP_TEXT_TOKENIZER_JSON_H_
