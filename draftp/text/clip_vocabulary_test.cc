// The vocabulary that comes with the programs, against transformers on 12,500 strings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "draftp/testing/text_files.h"
#include "draftp/text/clip_tokenizer.h"
#include "draftp/text/tokenizer_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;

constexpr char kClip[] = "third_party/clip_vocabulary/clip/tokenizer";
constexpr char kClip2[] = "third_party/clip_vocabulary/clip/tokenizer_2";

// The ids of a whole caption, however long.
class WholeCaptions {
 public:
  explicit WholeCaptions(const std::string& dir) {
    const TokenizerFiles files = TokenizerFiles::Folder(dir);
    std::map<std::string, std::string> texts;
    for (const char* name : {"vocab.json", "merges.txt", "special_tokens_map.json"})
      texts[name] = files.Read(name, 1 << 20).value();
    texts["tokenizer_config.json"] = R"({"model_max_length": 1024})";
    tokenizer_ = ClipTokenizer::Open(TokenizerFiles::Texts(dir, texts));
  }
  std::vector<int64_t> operator()(const std::string& text) const {
    const ClipTokenizer::Encoded encoded = tokenizer_->Encode(text);
    EXPECT_FALSE(encoded.truncated) << text;
    return {encoded.ids.begin() + 1, encoded.ids.begin() + 1 + encoded.tokens};
  }

 private:
  absl::StatusOr<ClipTokenizer> tokenizer_ = absl::UnknownError("");
};

// 32-bit FNV-1a of the ids as two bytes each, the lower one first, in hexadecimal.
std::string HashOf(const std::vector<int64_t>& ids) {
  uint32_t hash = 0x811C9DC5;
  for (const int64_t id : ids) {
    for (const int64_t byte : {id & 0xFF, id >> 8})
      hash = (hash ^ static_cast<uint32_t>(byte)) * 0x01000193;
  }
  return absl::StrCat(absl::Hex(hash, absl::kZeroPad8));
}

TEST(ClipVocabularyTest, GivesTheIdsThatClipIsKnownFor) {
  const WholeCaptions first(kClip), second(kClip2);
  EXPECT_THAT(first("a photo of a cat"), ElementsAre(320, 1125, 539, 320, 2368));
  EXPECT_THAT(second("a photo of a cat!"), ElementsAre(320, 1125, 539, 320, 2368, 256));
}

TEST(ClipVocabularyTest, PadsAsSdxlsTokenizersDo) {
  const auto first = ClipTokenizer::Open(kClip), second = ClipTokenizer::Open(kClip2);
  ASSERT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
  for (const auto* tokenizer : {&*first, &*second}) {
    EXPECT_EQ(tokenizer->vocabulary_size(), 49408);
    EXPECT_EQ(tokenizer->start_of_text(), 49406);
    EXPECT_EQ(tokenizer->end_of_text(), 49407);
    EXPECT_EQ(tokenizer->max_length(), 77);
  }
  EXPECT_EQ(first->pad(), 49407);
  EXPECT_EQ(second->pad(), 0);
}

TEST(ClipVocabularyTest, EqualsTransformersOnTwelveThousandStrings) {
  const WholeCaptions whole(kClip2);
  const nlohmann::json golden = testing::ReadGolden("clip_vocabulary.json"),
                       every = testing::ReadGolden("tokenizer.json");
  std::vector<std::string> strings = golden.at("strings");
  for (const nlohmann::json& row : every.at("strings")) strings.push_back(row[0]);
  ASSERT_EQ(strings.size(), 12'500u);
  const std::string hashes = golden.at("hashes");
  ASSERT_EQ(hashes.size(), strings.size() * 8);
  for (size_t i = 0; i < strings.size(); ++i)
    ASSERT_EQ(HashOf(whole(strings[i])), hashes.substr(i * 8, 8)) << i << ": " << strings[i];
}

}  // namespace
}  // namespace draftp
