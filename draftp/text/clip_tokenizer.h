// CLIP's tokenizer: a caption in, the fixed-length ids of a text encoder out.
#ifndef DRAFTP_TEXT_CLIP_TOKENIZER_H_
#define DRAFTP_TEXT_CLIP_TOKENIZER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/text/byte_pair.h"

namespace draftp {

class TokenizerFiles;
struct TokenizerConfig;

// Equal to transformers' CLIPTokenizer (5.17, with its `tokenizers` backend) but for one thing: a
// padding token that is neither the start nor the end token, such as bigG's "!", is ordinary text
// in a caption, as in OpenCLIP; transformers would turn it into the padding id.
//
//   absl::StatusOr<ClipTokenizer> tokenizer = ClipTokenizer::Open("model/tokenizer_2");
//   const ClipTokenizer::Encoded encoded = tokenizer->Encode("a red star");
//
// Const after Open, so threads may share one.
class ClipTokenizer {
 public:
  // vocab.json and merges.txt (byte_pair.h), or, where neither is there, tokenizer.json
  // (tokenizer_json.h), and usually tokenizer_config.json and special_tokens_map.json
  // (tokenizer_config.h). The files must fit each other: special tokens are in the vocabulary or
  // declared with ids behind it, as added tokens are; all others are bytes or made by a merge.
  // Errors are one line that names the file, what was found there and what was expected.
  static absl::StatusOr<ClipTokenizer> Open(const TokenizerFiles& files);
  static absl::StatusOr<ClipTokenizer> Open(const std::string& dir);

  struct Encoded {
    std::vector<int64_t> ids;  // [max_length()]: start, the caption's tokens, end, padding
    int64_t tokens;            // of the whole caption, without start and end
    bool truncated;            // tokens > max_length() - 2: the rest was cut off
  };

  // Takes any bytes: what isn't UTF-8 becomes U+FFFD, as with Python's errors="replace".
  Encoded Encode(const std::string& utf8) const;

  int64_t start_of_text() const { return start_; }
  int64_t end_of_text() const { return end_; }
  int64_t pad() const { return pad_; }
  int64_t max_length() const { return max_length_; }
  // Ids are below this. Those from base_vocabulary_size() on are of added tokens.
  int64_t vocabulary_size() const { return model_.size() + static_cast<int64_t>(added_.size()); }
  int64_t base_vocabulary_size() const { return model_.size(); }
  // The file that holds the vocabulary, for messages: vocab.json or tokenizer.json.
  const std::string& vocabulary_file() const { return vocabulary_file_; }

 private:
  struct Special {
    std::u32string content;  // normalized where it is matched so
    int64_t id;
  };

  ClipTokenizer(BytePairModel model, std::string vocabulary_file)
      : model_(std::move(model)), vocabulary_file_(std::move(vocabulary_file)) {}
  absl::Status AddDeclared(const TokenizerConfig& config);
  absl::Status TakeTokens(const TokenizerConfig& config);
  std::optional<int64_t> Find(const std::string& token) const;
  void AppendText(std::u32string_view text, std::vector<int64_t>& ids) const;
  void AppendNormalized(std::u32string_view text, std::vector<int64_t>& ids) const;

  BytePairModel model_;
  std::string vocabulary_file_;
  std::map<std::string, int64_t> added_;  // behind the model's
  std::vector<Special> as_typed_;         // matched before normalization
  std::vector<Special> normalized_;       // matched after
  int64_t start_ = 0;
  int64_t end_ = 0;
  int64_t pad_ = 0;
  int64_t max_length_ = 0;
};

}  // namespace draftp

#endif  // DRAFTP_TEXT_CLIP_TOKENIZER_H_
