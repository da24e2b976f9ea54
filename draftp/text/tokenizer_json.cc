// Compares a tokenizer.json with what CLIP's holds, value by value.
#include "draftp/text/tokenizer_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

using Json = nlohmann::json;

std::string Show(const Json& value) {
  return Printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 200);
}

// A place, as a JSON pointer, and the values that it may have; with null also none.
struct Rule {
  std::string place;
  std::vector<Json> allowed;
};

const std::vector<Rule>& Rules() {
  static const std::string words = R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";
  static const auto* const rules = new std::vector<Rule>{
      {"/normalizer/type", {"Sequence"}},
      {"/normalizer/normalizers/0/type", {"NFC"}},
      {"/normalizer/normalizers/1",
       {{{"type", "Replace"}, {"pattern", {{"Regex", "\\s+"}}}, {"content", " "}}}},
      {"/normalizer/normalizers/2/type", {"Lowercase"}},
      {"/normalizer/normalizers/3", {nullptr}},
      {"/pre_tokenizer/type", {"Sequence"}},
      {"/pre_tokenizer/pretokenizers/0/type", {"Split"}},
      {"/pre_tokenizer/pretokenizers/0/pattern/Regex",
       {R"(<\|startoftext\|>|<\|endoftext\|>|)" + words, words}},
      {"/pre_tokenizer/pretokenizers/0/behavior", {"Removed"}},
      {"/pre_tokenizer/pretokenizers/0/invert", {true}},
      {"/pre_tokenizer/pretokenizers/1/type", {"ByteLevel"}},
      {"/pre_tokenizer/pretokenizers/1/add_prefix_space", {false}},
      {"/pre_tokenizer/pretokenizers/1/use_regex", {true, nullptr}},
      {"/pre_tokenizer/pretokenizers/2", {nullptr}},
      {"/decoder/type", {"ByteLevel"}},
      {"/model/type", {"BPE", nullptr}},
      {"/model/dropout", {nullptr}},
      {"/model/continuing_subword_prefix", {"", nullptr}},
      {"/model/end_of_word_suffix", {"</w>"}},
      {"/model/byte_fallback", {false, nullptr}},
      {"/model/ignore_merges", {false, nullptr}},
      {"/truncation/direction", {"Right", nullptr}},
      {"/padding/direction", {"Right", nullptr}},
      {"/post_processor/type", {"RobertaProcessing"}},
  };
  return *rules;
}

absl::Status Check(const std::string& path, const Json& tokenizer, const Rule& rule) {
  const Json::json_pointer place(rule.place);
  const Json found = tokenizer.contains(place) ? tokenizer.at(place) : Json();
  if (std::find(rule.allowed.begin(), rule.allowed.end(), found) != rule.allowed.end()) {
    return absl::OkStatus();
  }
  std::vector<std::string> allowed;
  for (const Json& value : rule.allowed) allowed.push_back(value.is_null() ? "none" : Show(value));
  return absl::InvalidArgumentError(
      absl::StrCat(Printable(path, 4096), ": key \"", rule.place, "\": found ",
                   found.is_null() ? "none" : Show(found), ", expected ",
                   absl::StrJoin(allowed, " or "), " as CLIP's tokenizer has it"));
}

}  // namespace

bool IsTokenizerJson(const TokenizerFiles& files) {
  return !files.Has("vocab.json") && !files.Has("merges.txt") && files.Has(kTokenizerJson);
}

absl::StatusOr<Json> ReadTokenizerJson(const TokenizerFiles& files) {
  absl::StatusOr<Json> tokenizer = files.ReadJson(kTokenizerJson);
  if (!tokenizer.ok()) return tokenizer;
  for (const Rule& rule : Rules()) {
    if (absl::Status status = Check(files.Path(kTokenizerJson), *tokenizer, rule); !status.ok())
      return status;
  }
  return tokenizer;
}

absl::Status CheckSpecialTokens(const std::string& path, const Json& tokenizer,
                                const SpecialIds& special) {
  const Rule rules[] = {{"/post_processor/cls", {Json::array({special.start, special.start_id})}},
                        {"/post_processor/sep", {Json::array({special.end, special.end_id})}},
                        {"/padding/pad_token", {special.pad, nullptr}}};
  for (const Rule& rule : rules) {
    if (absl::Status status = Check(path, tokenizer, rule); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace draftp
