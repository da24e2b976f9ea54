// CLIP's tokenizer: a caption in, the fixed-length ids of a text encoder out.
#ifndef DRAFTP_TEXT_CLIP_TOKENIZER_H_
#define DRAFTP_TEXT_CLIP_TOKENIZER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/text/byte_pair.h"
#include "draftp/text/tokenizer_config.h"

namespace draftp {

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
  // `dir` holds vocab.json and merges.txt (byte_pair.h), and usually tokenizer_config.json and
  // special_tokens_map.json (tokenizer_config.h). The files must fit each other: special tokens are
  // in the vocabulary, all others are bytes or made by a merge. Errors are one line that names the
  // file, what was found there and what was expected.
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
  int64_t vocabulary_size() const { return model_.size(); }

 private:
  struct Special {
    std::u32string content;  // normalized where it is matched so
    int64_t id;
  };

  explicit ClipTokenizer(BytePairModel model) : model_(std::move(model)) {}
  void AppendText(std::u32string_view text, std::vector<int64_t>& ids) const;
  void AppendNormalized(std::u32string_view text, std::vector<int64_t>& ids) const;

  BytePairModel model_;
  std::vector<Special> as_typed_;    // matched before normalization
  std::vector<Special> normalized_;  // matched after
  int64_t start_ = 0;
  int64_t end_ = 0;
  int64_t pad_ = 0;
  int64_t max_length_ = 0;
};

}  // namespace draftp

#endif  // DRAFTP_TEXT_CLIP_TOKENIZER_H_
