// Ids against transformers' on ten thousand strings, the departure for "!", cutting and padding.
#include "draftp/text/clip_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <string>
#include <vector>

#include "draftp/testing/corruption.h"
#include "draftp/testing/text_files.h"
#include "draftp/text/normalize.h"
#include "draftp/text/tokenizer_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::ExpectError;
using testing::TestFolder;

ClipTokenizer Open(const std::string& dir) {
  absl::StatusOr<ClipTokenizer> tokenizer = ClipTokenizer::Open(dir);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return *std::move(tokenizer);
}

// The caption's tokens that were kept: `encoded` without start, end and padding.
std::vector<int64_t> Kept(const ClipTokenizer& tokenizer, const ClipTokenizer::Encoded& encoded) {
  const auto kept = std::min(encoded.tokens, tokenizer.max_length() - 2);
  return {encoded.ids.begin() + 1, encoded.ids.begin() + 1 + kept};
}

// Start, `kept`, end and padding.
std::vector<int64_t> Framed(const ClipTokenizer& tokenizer, const std::vector<int64_t>& kept) {
  std::vector<int64_t> ids{tokenizer.start_of_text()};
  ids.insert(ids.end(), kept.begin(), kept.end());
  ids.push_back(tokenizer.end_of_text());
  ids.resize(77, tokenizer.pad());
  return ids;
}

// A golden's packed ids: id i is U+0100 + i.
std::vector<int64_t> Unpack(const std::string& packed) {
  std::vector<int64_t> ids;
  for (const char32_t c : DecodeCaption(packed)) ids.push_back(static_cast<int64_t>(c) - 0x100);
  return ids;
}

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

void ExpectIds(const ClipTokenizer& tokenizer, const std::string& text, const std::string& packed,
               int64_t tokens) {
  const ClipTokenizer::Encoded encoded = tokenizer.Encode(text);
  ASSERT_EQ(encoded.ids, Framed(tokenizer, Unpack(packed))) << text;
  ASSERT_EQ(encoded.tokens, tokens) << text;
  ASSERT_EQ(encoded.truncated, tokens > 75) << text;
}

const nlohmann::json& Golden() {
  static const auto* golden = new nlohmann::json(testing::ReadGolden("tokenizer.json"));
  return *golden;
}

TEST(ClipTokenizerTest, EqualsTransformersOnTenThousandStrings) {
  const ClipTokenizer tiny = Open(testing::kTiny), scripts = Open(testing::kScripts);
  ASSERT_EQ(Golden().at("strings").size(), 10'000u);
  for (const nlohmann::json& row : Golden().at("strings")) {
    ExpectIds(tiny, row[0], row[1], row[2]);
    ExpectIds(scripts, row[0], row[3], row[4]);
    if (HasFatalFailure()) return;
  }
}

TEST(ClipTokenizerTest, EqualsTransformersOnBrokenUtf8) {
  const ClipTokenizer tiny = Open(testing::kTiny);
  ASSERT_EQ(Golden().at("broken_utf8").size(), 300u);
  for (const nlohmann::json& row : Golden().at("broken_utf8")) {
    ExpectIds(tiny, FromHex(row[0]), row[1], row[2]);
    if (HasFatalFailure()) return;
  }
}

TEST(ClipTokenizerTest, EqualsTransformersWhateverFilesSayTheTokens) {
  const nlohmann::json golden = testing::ReadGolden("tokenizer_files.json");
  ASSERT_EQ(golden.at("cases").size(), 5u);
  for (const nlohmann::json& one : golden.at("cases")) {
    SCOPED_TRACE(one.at("name"));
    const auto tokenizer = ClipTokenizer::Open(TokenizerFiles::Texts("t", one.at("files")));
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    EXPECT_EQ(tokenizer->vocabulary_size(), one.at("size"));
    for (size_t i = 0; i < golden.at("strings").size(); ++i) {
      ExpectIds(*tokenizer, golden.at("strings")[i], one.at("ids")[i][0], one.at("ids")[i][1]);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(ClipTokenizerTest, PadsWithEachTokenizersOwnToken) {
  const ClipTokenizer first = Open(testing::kTiny), second = Open(testing::kTiny2);
  EXPECT_EQ(first.Encode("a star").ids, Framed(first, {320, 571}));
  EXPECT_EQ(first.Encode("a star").ids.back(), 737);
  EXPECT_EQ(second.Encode("a star").ids.back(), 0);
  EXPECT_EQ(second.end_of_text(), 737);
}

// transformers gives 736 320 571 0 0 737 for the second tokenizer, whose padding token is "!".
TEST(ClipTokenizerTest, ExclamationMarkIsAWordForBothEncoders) {
  for (const char* dir : {testing::kTiny, testing::kTiny2}) {
    const ClipTokenizer tokenizer = Open(dir);
    EXPECT_THAT(Kept(tokenizer, tokenizer.Encode("a star !!")), ElementsAre(320, 571, 0, 256));
    EXPECT_THAT(Kept(tokenizer, tokenizer.Encode("!")), ElementsAre(256));
  }
}

TEST(ClipTokenizerTest, BothEncodersSeeTheSameTokens) {
  const ClipTokenizer first = Open(testing::kTiny), second = Open(testing::kTiny2);
  for (const char* text : {"Wow! A red, red star!", "!?", "don't! <|endoftext|>!"}) {
    EXPECT_EQ(Kept(first, first.Encode(text)), Kept(second, second.Encode(text)));
  }
}

TEST(ClipTokenizerTest, CutsAt75TokensAndSaysSo) {
  const ClipTokenizer tokenizer = Open(testing::kTiny);
  std::string text = "a";
  for (int i = 1; i < 75; ++i) text += " a";
  EXPECT_FALSE(tokenizer.Encode(text).truncated);
  const auto encoded = tokenizer.Encode(text + " star");
  EXPECT_TRUE(encoded.truncated);
  EXPECT_EQ(encoded.tokens, 76);
  EXPECT_EQ(encoded.ids, Framed(tokenizer, std::vector<int64_t>(75, 320)));
}

TEST(ClipTokenizerTest, EmptyCaptionIsStartEndAndPadding) {
  const ClipTokenizer tokenizer = Open(testing::kTiny2);
  EXPECT_EQ(tokenizer.Encode("").ids, Framed(tokenizer, {}));
  EXPECT_EQ(tokenizer.Encode(" \n").ids, Framed(tokenizer, {}));
}

TEST(ClipTokenizerTest, SpecialTokensAsTextMatchExactlyAsTyped) {
  const ClipTokenizer tokenizer = Open(testing::kTiny);
  EXPECT_THAT(Kept(tokenizer, tokenizer.Encode("a<|endoftext|>a")), ElementsAre(320, 737, 320));
  EXPECT_EQ(tokenizer.Encode("<|ENDOFTEXT|>").tokens, 12);
}

TEST(ClipTokenizerTest, NormalizedSpecialTokensMatchInAnyCase) {
  const ClipTokenizer tokenizer = Open(testing::kScripts);
  EXPECT_THAT(Kept(tokenizer, tokenizer.Encode("<|EndOfText|>")),
              ElementsAre(tokenizer.end_of_text()));
}

TEST(ClipTokenizerTest, SpecialTokensPartTextBeforeItIsComposed) {
  const ClipTokenizer tokenizer = Open(testing::kTiny);
  const auto kept = Kept(tokenizer, tokenizer.Encode("<|endoftext|>\u0338"));
  EXPECT_EQ(kept.front(), 737);  // ">" and U+0338 would compose
}

TEST(ClipTokenizerTest, TakesAMegabyteOfOneWord) {
  const ClipTokenizer tokenizer = Open(testing::kScripts);
  const auto encoded = tokenizer.Encode(std::string(1 << 20, 'q'));
  EXPECT_TRUE(encoded.truncated);
  EXPECT_EQ(encoded.ids.size(), 77u);
}

TEST(ClipTokenizerTest, ThreadsMayShareOne) {
  const ClipTokenizer tokenizer = Open(testing::kScripts);
  const auto expected = tokenizer.Encode("a red star \u00E9").ids;
  std::vector<std::future<bool>> tasks;
  for (int i = 0; i < 4; ++i) {
    tasks.push_back(std::async(std::launch::async, [&] {
      bool equal = true;
      for (int n = 0; n < 200; ++n)
        equal = equal && tokenizer.Encode("a red star e\u0301").ids == expected;
      return equal;
    }));
  }
  for (auto& task : tasks) EXPECT_TRUE(task.get());
}

TEST(ClipTokenizerTest, RejectsSpecialTokensOutsideTheVocabulary) {
  const TestFolder folder;
  folder.CopyTiny();
  folder.Write("special_tokens_map.json", R"({"pad_token": "[PAD]"})");
  ExpectError(ClipTokenizer::Open(folder.path()).status(), "vocab.json", "found no token \"[PAD]\"",
              "expected");
}

TEST(ClipTokenizerTest, RejectsDeclaredIdsThatTheVocabularyDenies) {
  const TestFolder folder;
  folder.CopyTiny();
  folder.Write("tokenizer_config.json",
               R"({"added_tokens_decoder": {"5": {"content": "<|endoftext|>"}}})");
  ExpectError(ClipTokenizer::Open(folder.path()).status(), "vocab.json", "found id 737",
              "expected id 5");
}

TEST(ClipTokenizerTest, RejectsAddedTokensThatLeaveAGapBehindTheVocabulary) {
  const TestFolder folder;
  folder.CopyTiny();
  folder.Write("added_tokens.json", R"({"<x>": 738, "<y>": 740})");
  ExpectError(ClipTokenizer::Open(folder.path()).status(), folder.path() + "/added_tokens.json",
              "token \"<y>\": found id 740, expected 739");
  folder.Write("added_tokens.json", R"({"<x>": 738, "<y>": 738})");
  ExpectError(ClipTokenizer::Open(folder.path()).status(), folder.path() + "/added_tokens.json",
              "token \"<y>\": found id 738, expected 739");
}

TEST(ClipTokenizerTest, RejectsAddedTokensThatNormalizationMakesOne) {
  const TestFolder folder;
  folder.CopyTiny();
  folder.Write("added_tokens.json", R"({"<X>": 738, "<x>": 739})");
  ExpectError(ClipTokenizer::Open(folder.path()).status(), folder.path() + "/added_tokens.json",
              "found \"<x>\"", "\"<X>\"", "expected tokens that differ there");
}

TEST(ClipTokenizerTest, CountsAddedTokensApartFromTheVocabulary) {
  const TestFolder folder;
  folder.CopyTiny();
  folder.Write("added_tokens.json", R"({"<x>": 738, "<y>": 739})");
  const ClipTokenizer tokenizer = Open(folder.path());
  EXPECT_EQ(tokenizer.vocabulary_size(), 740);
  EXPECT_EQ(tokenizer.base_vocabulary_size(), 738);
  EXPECT_THAT(Kept(tokenizer, tokenizer.Encode("a <Y> star")), ElementsAre(320, 739, 571));
}

TEST(ClipTokenizerTest, RejectsAVocabularyThatTheMergesCannotMake) {
  const TestFolder folder;
  folder.CopyTiny();
  folder.Write("merges.txt", "#version: 0.2\nn d</w>\n");
  ExpectError(ClipTokenizer::Open(folder.path()).status(), "merges.txt: found no merge that makes",
              "of vocab.json, expected one");
}

TEST(ClipTokenizerTest, RejectsAFolderWithoutVocabulary) {
  ExpectError(ClipTokenizer::Open("nowhere").status(), "nowhere/vocab.json");
}

TEST(ClipTokenizerTest, HoldsItsLengthFromTheConfig) {
  const TestFolder folder;
  folder.CopyTiny();
  folder.Write("tokenizer_config.json", R"({"model_max_length": 8})");
  const ClipTokenizer tokenizer = Open(folder.path());
  EXPECT_EQ(tokenizer.Encode("a a a a a a a").ids,
            (std::vector<int64_t>{736, 320, 320, 320, 320, 320, 320, 737}));
}

// What is read from damaged files, and still has a meaning, gives ids of its vocabulary.
TEST(ClipTokenizerTest, SurvivesDamagedFiles) {
  for (const char* name :
       {"vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"}) {
    const testing::TestFolder folder;
    folder.CopyTiny();
    const bool optional = !std::string(name).starts_with("vocab") && *name != 'm';
    const auto read = [&] {
      const auto tokenizer = ClipTokenizer::Open(folder.path());
      if (!tokenizer.ok()) return tokenizer.status();
      const auto encoded = tokenizer->Encode("A red star, 2 blue circles <|endoftext|>!");
      EXPECT_EQ(static_cast<int64_t>(encoded.ids.size()), tokenizer->max_length());
      for (const int64_t id : encoded.ids) EXPECT_LT(id, tokenizer->vocabulary_size());
      return absl::OkStatus();
    };
    testing::ExpectSurvivesDamage(folder.path() + "/" + name,
                                  {.may_be_absent = optional, .named = folder.path()}, read);
  }
}

}  // namespace
}  // namespace draftp
