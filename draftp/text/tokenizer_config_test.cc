// Declarations of special tokens, as transformers 5.17 was seen to take them, and what is refused.
#include "draftp/text/tokenizer_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "draftp/testing/corruption.h"
#include "draftp/testing/text_files.h"

namespace draftp {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::ExpectError;
using testing::TestFolder;

constexpr char kStart[] = "<|startoftext|>";
constexpr char kEnd[] = "<|endoftext|>";

nlohmann::json Token(const std::string& content, bool normalized) {
  return {{"content", content},
          {"lstrip", false},
          {"normalized", normalized},
          {"rstrip", false},
          {"single_word", false}};
}

absl::StatusOr<TokenizerConfig> Read(const nlohmann::json& config,
                                     const nlohmann::json& map = nullptr) {
  const TestFolder folder;
  folder.Write("tokenizer_config.json", config.dump());
  if (!map.is_null()) folder.Write("special_tokens_map.json", map.dump());
  return ReadTokenizerConfig(TokenizerFiles::Folder(folder.path()));
}

TEST(TokenizerConfigTest, DefaultsHoldWithoutFiles) {
  const TestFolder folder;
  const auto config = ReadTokenizerConfig(TokenizerFiles::Folder(folder.path()));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->pad, kEnd);
  EXPECT_EQ(config->max_length, 77);
  EXPECT_THAT(config->in_captions,
              ElementsAre(SpecialToken{kEnd, false}, SpecialToken{kStart, false}));
}

TEST(TokenizerConfigTest, ReadsTheEmbeddedModels) {
  const auto first = ReadTokenizerConfig(TokenizerFiles::Folder(testing::kTiny)),
             second = ReadTokenizerConfig(TokenizerFiles::Folder(testing::kTiny2));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->pad, kEnd);
  EXPECT_EQ(second->pad, "!");
}

TEST(TokenizerConfigTest, PaddingTokenIsNotLookedForInCaptions) {
  const auto config = Read({{"pad_token", "!"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->in_captions,
              ElementsAre(SpecialToken{kEnd, false}, SpecialToken{kStart, false}));
}

TEST(TokenizerConfigTest, MapOverridesConfig) {
  const auto config = Read({{"pad_token", kEnd}}, {{"pad_token", "!"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->pad, "!");
}

TEST(TokenizerConfigTest, AddedTokensDecoderMakesTheMapVoid) {
  const auto config =
      Read({{"added_tokens_decoder", {{"736", Token(kStart, true)}, {"737", Token(kEnd, true)}}}},
           {{"pad_token", "!"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->pad, kEnd);
  EXPECT_THAT(config->in_captions,
              ElementsAre(SpecialToken{kEnd, true}, SpecialToken{kStart, true}));
  EXPECT_EQ(config->declared.at(kEnd).id, 737);
}

// As in the published SDXL: the first tokenizer's padding is the text "<|endoftext|>".
TEST(TokenizerConfigTest, OfUnlikeDeclarationsTheLastCounts) {
  const nlohmann::json named = {{"bos_token", Token(kStart, true)},
                                {"eos_token", Token(kEnd, true)},
                                {"unk_token", Token(kEnd, true)},
                                {"pad_token", kEnd}};
  auto config = Read(named);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->in_captions,
              ElementsAre(SpecialToken{kEnd, false}, SpecialToken{kStart, true}));
  config = Read({{"eos_token", Token(kEnd, false)},
                 {"unk_token", Token(kEnd, true)},
                 {"pad_token", Token(kEnd, false)}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->in_captions,
              ElementsAre(SpecialToken{kEnd, true}, SpecialToken{kStart, false}));
}

void ExpectRefused(const nlohmann::json& config, const std::string& key, const std::string& found) {
  ExpectError(Read(config).status(), "/tokenizer_config.json", "key \"" + key + "\"",
              "found " + found, "expected");
}

TEST(TokenizerConfigTest, RefusesWhatWouldChangeTheIds) {
  ExpectRefused({{"padding_side", "left"}}, "padding_side", "\"left\"");
  ExpectRefused({{"truncation_side", "left"}}, "truncation_side", "\"left\"");
  ExpectRefused({{"do_lower_case", false}}, "do_lower_case", "false");
  ExpectRefused({{"split_special_tokens", true}}, "split_special_tokens", "true");
  nlohmann::json stripping = Token(kEnd, true);
  stripping["lstrip"] = true;
  ExpectRefused({{"eos_token", stripping}}, "eos_token", "lstrip true");
}

TEST(TokenizerConfigTest, RefusesFurtherSpecialTokens) {
  ExpectRefused({{"extra_special_tokens", {"<x>"}}}, "extra_special_tokens",
                "the further special token \"<x>\"");
  ExpectRefused({{"additional_special_tokens", {Token("<x>", true)}}}, "additional_special_tokens",
                "the further");
  ExpectRefused({{"mask_token", "<x>"}}, "mask_token", "the further special token \"<x>\"");
}

TEST(TokenizerConfigTest, TokensWithIdsAreLookedForInCaptions) {
  const TestFolder folder;
  folder.Write("added_tokens.json", R"({"<x>": 738, "<y>": 739})");
  folder.Write("special_tokens_map.json", R"({"extra_special_tokens": ["<y>"]})");
  const auto files = TokenizerFiles::Folder(folder.path());
  const auto config = ReadTokenizerConfig(files);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->in_captions,
              ElementsAre(SpecialToken{"<x>", true}, SpecialToken{"<y>", false},
                          SpecialToken{kEnd, false}, SpecialToken{kStart, false}));
  EXPECT_EQ(config->declared.at("<x>").id, 738);
  const auto whole = ReadTokenizerConfig(
      files, nlohmann::json::parse(
                 R"({"added_tokens": [{"content": "<x>", "id": 738, "normalized": false}]})"));
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_THAT(whole->in_captions, Contains(SpecialToken{"<x>", false}));
}

TEST(TokenizerConfigTest, RefusesATokenWithTwoIds) {
  const TestFolder folder;
  folder.Write("added_tokens.json", R"({"<x>": 738})");
  const auto files = TokenizerFiles::Folder(folder.path());
  const auto other = nlohmann::json::parse(R"({"added_tokens": [{"content": "<x>", "id": 739}]})");
  ExpectError(ReadTokenizerConfig(files, other).status(), "/tokenizer.json: key \"added_tokens\"",
              "found id 739", "expected 738 as in", "/added_tokens.json: key \"<x>\"");
}

TEST(TokenizerConfigTest, RefusesAddedTokensThatAreNone) {
  const TestFolder folder;
  for (const char* text : {R"({"<x>": -1})", R"({"<x>": "738"})", R"({"<x>": 1e30})",
                           R"({"": 738})", R"({"<x>": 4294967296})", R"(["<x>"])"}) {
    folder.Write("added_tokens.json", text);
    ExpectError(ReadTokenizerConfig(TokenizerFiles::Folder(folder.path())).status(),
                "added_tokens.json", "found", "expected");
  }
}

TEST(TokenizerConfigTest, AcceptsNamedTokensSaidAgain) {
  EXPECT_TRUE(
      Read({{"extra_special_tokens", {kEnd}}, {"cls_token", kStart}, {"mask_token", nullptr}})
          .ok());
}

TEST(TokenizerConfigTest, RejectsWrongTypes) {
  ExpectRefused({{"pad_token", nullptr}}, "pad_token", "null");
  ExpectRefused({{"pad_token", ""}}, "pad_token", "\"\"");
  ExpectRefused({{"eos_token", {{"text", kEnd}}}}, "eos_token", "{");
  ExpectRefused({{"eos_token", {{"content", kEnd}, {"normalized", 1}}}}, "eos_token",
                "normalized 1");
  ExpectRefused({{"added_tokens_decoder", {{"x", Token(kEnd, true)}}}}, "added_tokens_decoder",
                "\"x\"");
  ExpectRefused({{"added_tokens_decoder", {{"1", Token(kEnd, true)}, {"2", Token(kEnd, true)}}}},
                "added_tokens_decoder", "\"<|endoftext|>\" a second time");
  ExpectRefused({{"added_tokens_decoder", kEnd}}, "added_tokens_decoder", "\"<|endoftext|>\"");
  ExpectRefused({{"model_max_length", 2}}, "model_max_length", "2");
  ExpectRefused({{"model_max_length", 1e30}}, "model_max_length", "1e+30");
  EXPECT_FALSE(Read(nlohmann::json::array()).ok());
}

TEST(TokenizerConfigTest, SurvivesDamagedFiles) {
  for (const char* name :
       {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"}) {
    const TestFolder folder;
    folder.CopyTiny();
    folder.Write("added_tokens.json", R"({"<x>": 738, "<y>": 739})");
    testing::ExpectSurvivesDamage(folder.path() + "/" + name, {.may_be_absent = true}, [&] {
      return ReadTokenizerConfig(TokenizerFiles::Folder(folder.path())).status();
    });
  }
}

}  // namespace
}  // namespace draftp
