// Other tokenizers than CLIP's are told apart, by the value that differs.
#include "draftp/text/tokenizer_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "draftp/testing/corruption.h"
#include "draftp/testing/text_files.h"
#include "draftp/text/clip_tokenizer.h"
#include "draftp/text/tokenizer_files.h"

namespace draftp {
namespace {

using testing::ExpectError;
using testing::TestFolder;
using Pointer = nlohmann::json::json_pointer;

// A tokenizer.json that transformers 5 saved.
const nlohmann::json& SavedJson() {
  static const auto* const saved = new nlohmann::json(nlohmann::json::parse(std::string(
      testing::ReadGolden("tokenizer_files.json")["cases"][2]["files"]["tokenizer.json"])));
  return *saved;
}

absl::Status OpenJson(const nlohmann::json& tokenizer) {
  return ClipTokenizer::Open(TokenizerFiles::Texts("t", {{"tokenizer.json", tokenizer.dump()}}))
      .status();
}

void ExpectJsonRefused(const std::string& place, const nlohmann::json& value,
                       const std::string& expected) {
  nlohmann::json tokenizer = SavedJson();
  tokenizer[Pointer(place)] = value;
  ExpectError(OpenJson(tokenizer), "t/tokenizer.json: key \"" + place, "found ",
              "expected " + expected);
}

TEST(TokenizerJsonTest, IsReadWhereItStandsAlone) {
  const auto reads = [](std::map<std::string, std::string> texts) {
    return IsTokenizerJson(TokenizerFiles::Texts("t", std::move(texts)));
  };
  EXPECT_TRUE(reads({{"tokenizer.json", ""}}));
  EXPECT_FALSE(reads({{"tokenizer.json", ""}, {"vocab.json", ""}}));
  EXPECT_FALSE(reads({{"tokenizer.json", ""}, {"merges.txt", ""}}));
  EXPECT_FALSE(reads({}));
}

TEST(TokenizerJsonTest, RefusesOtherNormalizers) {
  ExpectJsonRefused("/normalizer/type", "NFC", "\"Sequence\"");
  ExpectJsonRefused("/normalizer/normalizers/0/type", "NFKC", "\"NFC\"");
  ExpectJsonRefused("/normalizer/normalizers/1", {{"type", "Strip"}}, "{");
  ExpectJsonRefused("/normalizer/normalizers/2/type", "Nmt", "\"Lowercase\"");
  ExpectJsonRefused("/normalizer/normalizers/3", {{"type", "Prepend"}}, "none");
  nlohmann::json without = SavedJson();
  without["normalizer"] = nullptr;
  ExpectError(OpenJson(without), "key \"/normalizer/type\": found none, expected \"Sequence\"");
}

TEST(TokenizerJsonTest, RefusesOtherWaysToSplit) {
  const std::string split = "/pre_tokenizer/pretokenizers/0",
                    bytes = "/pre_tokenizer/pretokenizers/1";
  ExpectJsonRefused("/pre_tokenizer/type", "ByteLevel", "\"Sequence\"");
  ExpectJsonRefused(split + "/type", "Whitespace", "\"Split\"");
  ExpectJsonRefused(split + "/pattern/Regex", "\\w+", "\"");
  ExpectJsonRefused(split + "/behavior", "Isolated", "\"Removed\"");
  ExpectJsonRefused(split + "/invert", false, "true");
  ExpectJsonRefused(bytes + "/type", "Digits", "\"ByteLevel\"");
  ExpectJsonRefused(bytes + "/add_prefix_space", true, "false");
  ExpectJsonRefused(bytes + "/use_regex", false, "true or none");
  ExpectJsonRefused("/pre_tokenizer/pretokenizers/2", {{"type", "Digits"}}, "none");
}

TEST(TokenizerJsonTest, RefusesOtherModels) {
  ExpectJsonRefused("/model/type", "Unigram", "\"BPE\"");
  ExpectJsonRefused("/model/dropout", 0.1, "none");
  ExpectJsonRefused("/model/continuing_subword_prefix", "##", "\"\" or none");
  ExpectJsonRefused("/model/end_of_word_suffix", nullptr, "\"</w>\"");
  ExpectJsonRefused("/model/byte_fallback", true, "false");
  ExpectJsonRefused("/model/ignore_merges", true, "false");
  ExpectJsonRefused("/model/vocab", nlohmann::json::array(), "an object from token to id");
  ExpectJsonRefused("/decoder/type", "WordPiece", "\"ByteLevel\"");
}

TEST(TokenizerJsonTest, RefusesOtherFramesAroundACaption) {
  ExpectJsonRefused("/post_processor/type", "BertProcessing", "\"RobertaProcessing\"");
  ExpectJsonRefused("/post_processor/cls", {"<|startoftext|>", 5}, "[\"<|startoftext|>\",736]");
  ExpectJsonRefused("/post_processor/sep", {"</s>", 737}, "[\"<|endoftext|>\",737]");
  ExpectJsonRefused("/truncation", {{"direction", "Left"}}, "\"Right\" or none");
  ExpectJsonRefused("/padding", {{"direction", "Left"}}, "\"Right\" or none");
  ExpectJsonRefused("/padding", {{"direction", "Right"}, {"pad_token", "!"}},
                    "\"<|endoftext|>\" or none");
}

TEST(TokenizerJsonTest, RefusesAddedTokensWithoutIds) {
  const auto expect = [](const nlohmann::json& tokens, const std::string& found) {
    nlohmann::json tokenizer = SavedJson();
    tokenizer["added_tokens"] = tokens;
    ExpectError(OpenJson(tokenizer), "t/tokenizer.json: key \"added_tokens\"", found, "expected");
  };
  expect(nullptr, "found null");
  expect({{"<x>", 738}}, "found ");
  expect(nlohmann::json::array({"<x>"}), "token \"<x>\": found id null");
  expect({{{"content", "<x>"}, {"id", -1}}}, "token \"<x>\": found id -1");
  expect({{{"content", "<x>"}, {"id", 1e30}}}, "token \"<x>\": found id 1e+30");
  expect({{{"content", "<x>"}, {"id", 738}}, {{"content", "<x>"}, {"id", 739}}}, "a second time");
  expect({{{"content", "<x>"}, {"id", 739}}}, "token \"<x>\": found id 739, expected 738");
}

TEST(TokenizerJsonTest, SurvivesDamagedFiles) {
  const TestFolder folder;
  nlohmann::json tokenizer = SavedJson();
  const std::string path = folder.Write("tokenizer.json", tokenizer.dump(1));
  testing::ExpectSurvivesDamage(path, {.named = folder.path()},
                                [&] { return ClipTokenizer::Open(folder.path()).status(); });
}

}  // namespace
}  // namespace draftp
