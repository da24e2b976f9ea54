// Byte pairs against a second, naive implementation, and malformed files one by one.
#include "draftp/text/byte_pair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "draftp/testing/text_files.h"
#include "draftp/text/tokenizer_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::ExpectError;
using testing::TestFolder;

// A vocabulary of bytes, then `more`, with ids in order.
nlohmann::json Vocabulary(const std::vector<std::string>& more = {}) {
  nlohmann::json vocabulary = nlohmann::json::object();
  const auto add = [&](const std::string& token) { vocabulary[token] = vocabulary.size(); };
  for (const char* end : {"", "</w>"}) {
    for (int byte = 0; byte < 256; ++byte) add(ByteCharacter(static_cast<uint8_t>(byte)) + end);
  }
  for (const std::string& token : more) add(token);
  return vocabulary;
}

absl::StatusOr<BytePairModel> Open(const TestFolder& folder, const std::string& vocab,
                                   const std::string& merges) {
  folder.Write("vocab.json", vocab);
  folder.Write("merges.txt", merges);
  return BytePairModel::Open(TokenizerFiles::Folder(folder.path()));
}

std::vector<int64_t> Encode(const BytePairModel& model, const std::string& word) {
  std::vector<int64_t> ids;
  model.AppendWord(word, ids);
  return ids;
}

TEST(ByteCharacterTest, FollowsGpt2sTable) {
  EXPECT_EQ(ByteCharacter('a'), "a");
  EXPECT_EQ(ByteCharacter(0), "\u0100");
  EXPECT_EQ(ByteCharacter(' '), "\u0120");
  EXPECT_EQ(ByteCharacter(0x7F), "\u0121");
  EXPECT_EQ(ByteCharacter(0xAD), "\u0143");
  EXPECT_EQ(ByteCharacter(0xFF), "\u00FF");
}

TEST(ByteCharacterTest, IsDistinctForEachByte) {
  std::set<std::string> characters;
  for (int byte = 0; byte < 256; ++byte)
    characters.insert(ByteCharacter(static_cast<uint8_t>(byte)));
  EXPECT_EQ(characters.size(), 256u);
}

TEST(BytePairModelTest, FallsBackToBytes) {
  const TestFolder folder;
  const auto model = Open(folder, Vocabulary().dump(), "");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(Encode(*model, "\xE2\x98"), ElementsAre(0xE2, 256 + 0x98));
  EXPECT_THAT(Encode(*model, ""), ElementsAre());
}

TEST(BytePairModelTest, MergesByRankThenFromTheLeft) {
  const TestFolder folder;
  const auto model =
      Open(folder, Vocabulary({"aa", "bc", "ab"}).dump(), "#version: 0.2\nb c\na b\na a\n");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(Encode(*model, "abcx"), ElementsAre('a', 513, 256 + 'x'));
  EXPECT_THAT(Encode(*model, "aaax"), ElementsAre(512, 'a', 256 + 'x'));
}

TEST(BytePairModelTest, EndOfWordMakesAnotherToken) {
  const TestFolder folder;
  const auto model = Open(folder, Vocabulary({"ab", "ab</w>"}).dump(), "a b\na b</w>\n");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(Encode(*model, "abab"), ElementsAre(512, 513));
}

// The textbook form: merge the leftmost pair of lowest rank until there is none.
std::vector<std::string> MergeNaively(
    const std::map<std::pair<std::string, std::string>, int>& ranks,
    std::vector<std::string> symbols) {
  for (;;) {
    int best_rank = std::numeric_limits<int>::max();
    size_t best = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto found = ranks.find({symbols[i], symbols[i + 1]});
      if (found == ranks.end() || found->second >= best_rank) continue;
      best_rank = found->second;
      best = i;
    }
    if (best_rank == std::numeric_limits<int>::max()) return symbols;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

// 3000 random words over "abc" with every merge of up to four letters, seed 7.
TEST(BytePairModelTest, EqualsTheNaiveForm) {
  std::mt19937 random(7);
  std::vector<std::string> tokens{"a", "b", "c"}, made, merges;
  std::map<std::pair<std::string, std::string>, int> ranks;
  for (int length = 2; length <= 4; ++length) {
    for (int n = 0; n < 12; ++n) {
      const std::string left = tokens[random() % tokens.size()],
                        right = tokens[random() % tokens.size()];
      if (std::find(tokens.begin(), tokens.end(), left + right) != tokens.end()) continue;
      ranks.emplace(std::pair(left, right), static_cast<int>(merges.size()));
      merges.push_back(left + " " + right + "\n");
      made.push_back(left + right);
      tokens.push_back(left + right);
    }
  }
  std::string text;
  for (const std::string& merge : merges) text += merge;
  const TestFolder folder;
  const auto model = Open(folder, Vocabulary(made).dump(), text);
  ASSERT_TRUE(model.ok()) << model.status();
  for (int n = 0; n < 3000; ++n) {
    std::vector<std::string> symbols;
    std::string word;
    for (size_t i = random() % 30; i > 0; --i) symbols.emplace_back(1, "abc"[random() % 3]);
    for (const std::string& symbol : symbols) word += symbol;
    symbols = MergeNaively(ranks, symbols);
    symbols.push_back("z</w>");
    std::vector<int64_t> expected;
    for (const std::string& symbol : symbols) expected.push_back(*model->Find(symbol));
    ASSERT_EQ(Encode(*model, word + "z"), expected) << word;
  }
}

// A word of 2^20 bytes: merging by a scan for each merge would take 10^12 steps.
TEST(BytePairModelTest, EncodesAMegabyteOfOneWord) {
  std::vector<std::string> powers{"aa"};
  std::string merges = "a a\n";
  while (powers.back().size() < 1024) {
    merges += powers.back() + " " + powers.back() + "\n";
    powers.push_back(powers.back() + powers.back());
  }
  const TestFolder folder;
  const auto model = Open(folder, Vocabulary(powers).dump(), merges);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto ids = Encode(*model, std::string(1 << 20, 'a') + "z");
  EXPECT_EQ(ids.size(), 1025u);
  EXPECT_EQ(ids.front(), *model->Find(powers.back()));
}

void ExpectVocabularyError(const std::string& vocab, const std::string& found,
                           const std::string& expected) {
  const TestFolder folder;
  ExpectError(Open(folder, vocab, "").status(), folder.path() + "/vocab.json", found, expected);
}

TEST(BytePairModelTest, RejectsAVocabularyThatIsNoObject) {
  ExpectVocabularyError("[1]", "found array", "expected an object");
  ExpectVocabularyError("{\"a\": ", "isn't valid JSON", "");
  ExpectVocabularyError("", "isn't valid JSON", "");
}

TEST(BytePairModelTest, RejectsIdsThatAreNoPermutation) {
  nlohmann::json vocabulary = Vocabulary({"new"});
  const auto with = [&](const nlohmann::json& id) {
    vocabulary["new"] = id;
    return vocabulary.dump();
  };
  ExpectVocabularyError(with(513), "token \"new\": found id 513", "expected one of 0 to 512");
  ExpectVocabularyError(with(-1), "found id -1", "expected one of 0 to 512");
  ExpectVocabularyError(with(1.5), "found id 1.5", "expected one of 0 to 512");
  ExpectVocabularyError(with("512"), "found id \"512\"", "expected one of 0 to 512");
  ExpectVocabularyError(with(nullptr), "found id null", "expected one of 0 to 512");
  ExpectVocabularyError(with(7), "found id 7 at", "expected each id once");
}

TEST(BytePairModelTest, RejectsAVocabularyThatLacksAByte) {
  nlohmann::json vocabulary = Vocabulary();
  vocabulary.erase("q</w>");
  vocabulary["other"] = 256 + 'q';
  ExpectVocabularyError(vocabulary.dump(), "found no token \"q</w>\"", "expected all 256 bytes");
}

TEST(BytePairModelTest, RejectsATokenThatAppearsTwice) {
  std::string text = Vocabulary().dump();
  text.insert(1, "\"a\": 0, ");
  ExpectVocabularyError(text, "found twice", "expected once");
}

void ExpectMergesError(const std::string& merges, const std::string& line,
                       const std::string& found) {
  const TestFolder folder;
  ExpectError(Open(folder, Vocabulary({"ab"}).dump(), merges).status(),
              folder.path() + "/merges.txt", line, "found " + found, "expected");
}

TEST(BytePairModelTest, RejectsMalformedMerges) {
  ExpectMergesError("#version: 0.2\nab\n", "line 2", "\"ab\"");
  ExpectMergesError("a b\n\n", "line 2", "\"\"");
  ExpectMergesError("a b c\n", "line 1", "\"a b c\"");
  ExpectMergesError("a\tb\n", "line 1", "\"a\\x09b\"");
  ExpectMergesError("a b\na c\n", "line 2", "\"a c\" and no token \"ac\"");
  ExpectMergesError("nowhere b\n", "line 1", "\"nowhere b\" and no token \"nowhere\"");
  ExpectMergesError("a b\r\na b\r\n", "line 2", "\"a b\" a second time");
}

TEST(BytePairModelTest, RejectsAbsentAndHugeFiles) {
  const auto open = [](const TestFolder& folder) {
    return BytePairModel::Open(TokenizerFiles::Folder(folder.path())).status();
  };
  for (const char* name : {"vocab.json", "merges.txt"}) {
    const TestFolder folder;
    folder.Write("vocab.json", Vocabulary().dump());
    folder.Write("merges.txt", "");
    const std::string path = folder.path() + "/" + name;
    std::filesystem::resize_file(path, (16 << 20) + 1);
    ExpectError(open(folder), path, "found more than 16777216 bytes");
    std::filesystem::remove(path);
    ExpectError(open(folder), path, "No such file");
    std::filesystem::create_directory(path);
    ExpectError(open(folder), path, "found a folder", "expected a file");
  }
}

nlohmann::json TokenizerJson(const std::vector<std::string>& more, const nlohmann::json& merges) {
  return {{"model", {{"vocab", Vocabulary(more)}, {"merges", merges}}}};
}

TEST(BytePairModelTest, ReadsMergesAsTextsOrPairs) {
  for (const char* text : {R"(["a b", "ab c</w>"])", R"([["a", "b"], ["ab", "c</w>"]])"}) {
    const auto model = BytePairModel::FromTokenizerJson(
        "t.json", TokenizerJson({"ab", "abc</w>"}, nlohmann::json::parse(text)));
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_THAT(Encode(*model, "abc"), ElementsAre(513));
    EXPECT_THAT(Encode(*model, "abx"), ElementsAre(512, 256 + 'x'));
  }
}

TEST(BytePairModelTest, RejectsATokenizerJsonWithoutPairs) {
  const auto expect = [](const char* merges, const std::string& key, const std::string& found) {
    const auto tokenizer = TokenizerJson({"ab"}, nlohmann::json::parse(merges));
    ExpectError(BytePairModel::FromTokenizerJson("t.json", tokenizer).status(),
                "t.json: key \"/model/merges" + key + "\": found " + found, "expected");
  };
  expect("null", "", "null");
  expect(R"("a b")", "", "string");
  expect(R"(["a b", 3])", "/1", "3");
  expect(R"([["a"]])", "/0", "[\"a\"]");
  expect(R"([["a", 1]])", "/0", "[\"a\",1]");
  expect(R"([["a", "b", "c"]])", "/0", "[");
  expect(R"(["ab"])", "/0", "\"ab\"");
  expect(R"([["a", "q r"]])", "/0", "\"a q r\"");
  expect(R"(["a b", "a b"])", "/1", "\"a b\" a second time");
  ExpectError(BytePairModel::FromTokenizerJson("t.json", {{"model", {{"merges", {}}}}}).status(),
              "t.json: key \"/model/vocab\": found null", "expected an object");
}

}  // namespace
}  // namespace draftp
