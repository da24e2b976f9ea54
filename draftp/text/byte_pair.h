// Byte-level byte-pair encoding with CLIP's end-of-word mark, from vocab.json and merges.txt or
// tokenizer.json.
#ifndef DRAFTP_TEXT_BYTE_PAIR_H_
#define DRAFTP_TEXT_BYTE_PAIR_H_

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace draftp {

class TokenizerFiles;

// The printable character that stands for a byte in the vocabulary's tokens, as UTF-8 (GPT-2's
// table: printable Latin-1 is itself, the 68 others are U+0100 and on).
std::string ByteCharacter(uint8_t byte);

// A checked vocabulary and its merges. Const after Open, so threads may share one.
class BytePairModel {
 public:
  // vocab.json: one object from token to id, the ids 0..n-1 each once, all 256 bytes among the
  // tokens with and without "</w>". merges.txt: a pair of tokens a line in order of rank, lines
  // that start with "#version" skipped, each pair once, its concatenation a token. Both at most 16
  // MiB.
  static absl::StatusOr<BytePairModel> Open(const TokenizerFiles& files);
  // The same of what ReadTokenizerJson gave of the file `path`: model.vocab, and model.merges as
  // texts "a b" or lists ["a", "b"].
  static absl::StatusOr<BytePairModel> FromTokenizerJson(const std::string& path,
                                                         const nlohmann::json& tokenizer);

  // Appends the ids of one word, given as its bytes: each byte a token, the last with "</w>", then
  // the adjacent pair of lowest rank (of these the leftmost) merged until none is left. O(n log n).
  void AppendWord(std::string_view word, std::vector<int64_t>& ids) const;

  std::optional<int64_t> Find(const std::string& token) const;
  // Tokens other than bytes that no merge makes, by id: special tokens alone, in a whole model.
  const std::vector<std::string>& unmade() const { return unmade_; }
  int64_t size() const { return static_cast<int64_t>(ids_.size()); }

 private:
  struct Merge {
    int32_t rank;
    int32_t id;
  };

  BytePairModel() = default;
  absl::Status ReadVocabulary(const std::string& where, const nlohmann::json& vocabulary);
  absl::Status ReadMerges(const std::string& path, std::string_view text);
  absl::Status ReadMerges(const std::string& path, const nlohmann::json& merges);
  void FindUnmade();
  // A merge as a line with one space.
  absl::Status AddMerge(const std::string& line, int32_t rank);
  const Merge* FindMerge(int32_t left, int32_t right) const;

  std::unordered_map<std::string, int32_t> ids_;
  std::unordered_map<uint64_t, Merge> merges_;  // by left id << 32 | right id
  std::vector<std::string> unmade_;
  std::array<int32_t, 256> inner_bytes_{};
  std::array<int32_t, 256> last_bytes_{};  // with "</w>"
};

}  // namespace draftp

#endif  // DRAFTP_TEXT_BYTE_PAIR_H_
