// Declarations of special tokens, as transformers 5.17 was seen to take them, and what is refused.
#include "draftp/text/tokenizer_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "draftp/testing/corruption.h"
#include "draftp/testing/text_files.h"

namespace draftp {
namespace {

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
  return ReadTokenizerConfig(folder.path());
}

TEST(TokenizerConfigTest, DefaultsHoldWithoutFiles) {
  const TestFolder folder;
  const auto config = ReadTokenizerConfig(folder.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->pad, kEnd);
  EXPECT_EQ(config->max_length, 77);
  EXPECT_THAT(config->in_captions,
              ElementsAre(SpecialToken{kEnd, false}, SpecialToken{kStart, false}));
}

TEST(TokenizerConfigTest, ReadsTheEmbeddedModels) {
  const auto first = ReadTokenizerConfig(testing::kTiny),
             second = ReadTokenizerConfig(testing::kTiny2);
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
  EXPECT_EQ(config->declared_ids.at(kEnd), 737);
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
  ExpectRefused({{"added_tokens_decoder", {{"738", Token("<x>", true)}}}}, "added_tokens_decoder",
                "the further token");
  const TestFolder folder;
  folder.Write("added_tokens.json", R"({"<x>": 738})");
  ExpectError(ReadTokenizerConfig(folder.path()).status(), "added_tokens.json", "\"<x>\"", "found",
              "expected");
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
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    const TestFolder folder;
    folder.CopyTiny();
    testing::ExpectSurvivesDamage(folder.path() + "/" + name, {.may_be_absent = true},
                                  [&] { return ReadTokenizerConfig(folder.path()).status(); });
  }
}

}  // namespace
}  // namespace draftp
