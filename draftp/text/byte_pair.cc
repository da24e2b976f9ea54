// Checks the vocabulary and the merges, and merges by a queue over linked symbols.
#include "draftp/text/byte_pair.h"

#include <cstddef>
#include <nlohmann/json.hpp>
#include <queue>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"
#include "draftp/io/utf8.h"
#include "draftp/text/tokenizer_files.h"

namespace draftp {
namespace {

constexpr char kVocabulary[] = "vocab.json", kMerges[] = "merges.txt";
constexpr int64_t kMaxBytes = 16 << 20;
constexpr char kEndOfWord[] = "</w>";
constexpr int32_t kNone = -1;

struct Symbol {
  int32_t id;  // kNone once merged into its left neighbour
  int32_t previous;
  int32_t next;
};

// A pair that stood side by side when it was queued: the symbol at `position` and the next.
struct Candidate {
  int32_t rank;
  int32_t position;
  int32_t id;                                     // of the merged token
  bool operator<(const Candidate& other) const {  // the queue pops its greatest
    return std::tie(rank, position) > std::tie(other.rank, other.position);
  }
};

absl::Status Malformed(const std::string& where, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

}  // namespace

std::string ByteCharacter(uint8_t byte) {
  const auto is_printable = [](int b) {
    return (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
  };
  char32_t c = byte;
  if (!is_printable(byte)) {
    c = 0x100;
    for (int b = 0; b < byte; ++b) c += is_printable(b) ? 0 : 1;
  }
  std::string utf8;
  AppendUtf8(c, utf8);
  return utf8;
}

absl::StatusOr<BytePairModel> BytePairModel::Open(const TokenizerFiles& files) {
  BytePairModel model;
  const absl::StatusOr<nlohmann::json> vocabulary = files.ReadJson(kVocabulary, kMaxBytes);
  if (!vocabulary.ok()) return vocabulary.status();
  const std::string vocabulary_path = Printable(files.Path(kVocabulary), 4096);
  if (absl::Status status = model.ReadVocabulary(vocabulary_path, *vocabulary); !status.ok())
    return status;
  const absl::StatusOr<std::string> merges = files.Read(kMerges, kMaxBytes);
  if (!merges.ok()) return merges.status();
  const std::string merges_path = Printable(files.Path(kMerges), 4096);
  if (absl::Status status = model.ReadMerges(merges_path, std::string_view(*merges)); !status.ok())
    return status;
  model.FindUnmade();
  return model;
}

absl::StatusOr<BytePairModel> BytePairModel::FromTokenizerJson(const std::string& path,
                                                               const nlohmann::json& tokenizer) {
  BytePairModel model;
  const nlohmann::json& parts = tokenizer.at("model");
  const nlohmann::json none;
  const auto part = [&](const char* key) -> const nlohmann::json& {
    const auto found = parts.find(key);
    return found == parts.end() ? none : *found;
  };
  const std::string where = absl::StrCat(Printable(path, 4096), ": key \"/model/");
  if (absl::Status status = model.ReadVocabulary(where + "vocab\"", part("vocab")); !status.ok())
    return status;
  if (absl::Status status = model.ReadMerges(where + "merges", part("merges")); !status.ok())
    return status;
  model.FindUnmade();
  return model;
}

absl::Status BytePairModel::ReadVocabulary(const std::string& where,
                                           const nlohmann::json& vocabulary) {
  if (!vocabulary.is_object()) {
    return Malformed(where, absl::StrCat("found ", vocabulary.type_name(),
                                         ", expected an object from token to id"));
  }
  std::vector<const std::string*> owner(vocabulary.size(), nullptr);
  for (const auto& [token, value] : vocabulary.get_ref<const nlohmann::json::object_t&>()) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() >= owner.size()) {
      return Malformed(where, absl::StrCat("token ", Quoted(token, 60), ": found id ",
                                           Printable(value.dump(-1, ' ', true), 40),
                                           ", expected one of 0 to ", owner.size() - 1));
    }
    const auto id = value.get<size_t>();
    if (owner[id] != nullptr) {
      return Malformed(where,
                       absl::StrCat("found id ", id, " at ", Quoted(*owner[id], 60), " and at ",
                                    Quoted(token, 60), ", expected each id once"));
    }
    owner[id] = &token;
    ids_.emplace(token, static_cast<int32_t>(id));
  }
  for (int byte = 0; byte < 256; ++byte) {
    const std::string token = ByteCharacter(static_cast<uint8_t>(byte));
    for (const std::string& needed : {token, token + kEndOfWord}) {
      if (ids_.contains(needed)) continue;
      return Malformed(where,
                       absl::StrCat("found no token ", Quoted(needed), " among ", ids_.size(),
                                    ", expected all 256 bytes with and without ", kEndOfWord));
    }
    inner_bytes_[byte] = ids_.at(token);
    last_bytes_[byte] = ids_.at(token + kEndOfWord);
  }
  return absl::OkStatus();
}

absl::Status BytePairModel::ReadMerges(const std::string& path, std::string_view rest) {
  int32_t rank = 0;
  int64_t line_number = 0;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    std::string line(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    ++line_number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.starts_with("#version")) continue;
    if (absl::Status status = AddMerge(line, rank++); !status.ok()) {
      return Malformed(path, absl::StrCat("line ", line_number, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status BytePairModel::ReadMerges(const std::string& where, const nlohmann::json& merges) {
  if (!merges.is_array()) {
    return Malformed(where + "\"",
                     absl::StrCat("found ", merges.type_name(), ", expected a list of pairs"));
  }
  int32_t rank = 0;
  for (const nlohmann::json& merge : merges) {
    const auto error = [&](const std::string& what) {
      return Malformed(absl::StrCat(where, "/", rank, "\""), what);
    };
    const bool is_pair =
        merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string();
    if (!is_pair && !merge.is_string()) {
      return error(absl::StrCat("found ", Printable(merge.dump(-1, ' ', true), 60),
                                ", expected a text \"a b\" or a list of two texts"));
    }
    const std::string line = is_pair ? absl::StrCat(merge[0].get_ref<const std::string&>(), " ",
                                                    merge[1].get_ref<const std::string&>())
                                     : merge.get<std::string>();
    if (absl::Status status = AddMerge(line, rank); !status.ok())
      return error(std::string(status.message()));
    ++rank;
  }
  return absl::OkStatus();
}

absl::Status BytePairModel::AddMerge(const std::string& line, int32_t rank) {
  const size_t space = line.find(' ');
  if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", Quoted(line, 60), ", expected two tokens with a space between"));
  }
  const std::string left = line.substr(0, space), right = line.substr(space + 1);
  for (const std::string& token : {left, right, left + right}) {
    if (ids_.contains(token)) continue;
    return absl::InvalidArgumentError(absl::StrCat("found ", Quoted(line, 60), " and no token ",
                                                   Quoted(token, 60),
                                                   " in the vocabulary, expected it there"));
  }
  const uint64_t key =
      static_cast<uint64_t>(ids_.at(left)) << 32 | static_cast<uint32_t>(ids_.at(right));
  if (merges_.emplace(key, Merge{rank, ids_.at(left + right)}).second) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("found ", Quoted(line, 60), " a second time, expected each pair once"));
}

void BytePairModel::FindUnmade() {
  std::vector<const std::string*> tokens(ids_.size());
  for (const auto& [token, id] : ids_) tokens[id] = &token;
  for (const int32_t id : inner_bytes_) tokens[id] = nullptr;
  for (const int32_t id : last_bytes_) tokens[id] = nullptr;
  for (const auto& [pair, merge] : merges_) tokens[merge.id] = nullptr;
  for (const std::string* token : tokens) {
    if (token != nullptr) unmade_.push_back(*token);
  }
}

std::optional<int64_t> BytePairModel::Find(const std::string& token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

const BytePairModel::Merge* BytePairModel::FindMerge(int32_t left, int32_t right) const {
  const auto found = merges_.find(static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BytePairModel::AppendWord(std::string_view word, std::vector<int64_t>& ids) const {
  if (word.empty()) return;
  const auto count = static_cast<int32_t>(word.size());
  std::vector<Symbol> symbols(word.size());
  for (int32_t i = 0; i < count; ++i) {
    const auto byte = static_cast<uint8_t>(word[i]);
    const bool last = i + 1 == count;
    symbols[i] = {last ? last_bytes_[byte] : inner_bytes_[byte], i - 1, last ? kNone : i + 1};
  }
  std::priority_queue<Candidate> queue;
  const auto offer = [&](int32_t position) {
    const int32_t next = position == kNone ? kNone : symbols[position].next;
    if (next == kNone) return;
    const Merge* merge = FindMerge(symbols[position].id, symbols[next].id);
    if (merge != nullptr) queue.push({merge->rank, position, merge->id});
  };
  for (int32_t i = 0; i < count; ++i) offer(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[best.position];
    if (left.id == kNone || left.next == kNone) continue;
    Symbol& right = symbols[left.next];
    // The neighbours may have changed since; as in the reference, any pair that makes the same
    // token passes for the one that was queued.
    const Merge* merge = FindMerge(left.id, right.id);
    if (merge == nullptr || merge->id != best.id) continue;
    left.id = best.id;
    left.next = right.next;
    right.id = kNone;
    if (left.next != kNone) symbols[left.next].previous = best.position;
    offer(left.previous);
    offer(best.position);
  }
  for (const Symbol& symbol : symbols) {
    if (symbol.id != kNone) ids.push_back(symbol.id);
  }
}

}  // namespace draftp
