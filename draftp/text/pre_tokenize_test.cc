// The scanner against CLIP's pattern, alternative by alternative.
#include "draftp/text/pre_tokenize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SplitIntoWordsTest, SeparatesLettersNumeralsAndTheRest) {
  EXPECT_THAT(SplitIntoWords(U"a red4you, ok?!"),
              ElementsAre(U"a", U"red", U"4", U"you", U",", U"ok", U"?!"));
}

TEST(SplitIntoWordsTest, TakesNumeralsOneByOne) {
  EXPECT_THAT(SplitIntoWords(U"12\u00BD\u0665"), ElementsAre(U"1", U"2", U"\u00BD", U"\u0665"));
}

TEST(SplitIntoWordsTest, TakesContractionsInTheOrderOfThePattern) {
  EXPECT_THAT(SplitIntoWords(U"it's we're i've don't he'll i'm you'd"),
              ElementsAre(U"it", U"'s", U"we", U"'re", U"i", U"'ve", U"don", U"'t", U"he", U"'ll",
                          U"i", U"'m", U"you", U"'d"));
  EXPECT_THAT(SplitIntoWords(U"'sun 'rx"), ElementsAre(U"'s", U"un", U"'", U"rx"));
}

TEST(SplitIntoWordsTest, ContractionsNeedAWordStart) {
  EXPECT_THAT(SplitIntoWords(U"!'s"), ElementsAre(U"!'", U"s"));
}

TEST(SplitIntoWordsTest, MarksAreNotLetters) {
  EXPECT_THAT(SplitIntoWords(U"q\u0323a"), ElementsAre(U"q", U"\u0323", U"a"));
}

TEST(SplitIntoWordsTest, SpelledOutSpecialTokensEndAWord) {
  EXPECT_THAT(SplitIntoWords(U"<|endoftext|>!?"), ElementsAre(U"<|", U"endoftext", U"|>", U"!?"));
  EXPECT_THAT(SplitIntoWords(U"<|startoftext|>|"), ElementsAre(U"<|", U"startoftext", U"|>", U"|"));
  EXPECT_THAT(SplitIntoWords(U"!<|endoftext|>!"), ElementsAre(U"!<|", U"endoftext", U"|>!"));
  EXPECT_THAT(SplitIntoWords(U"<|endoftext|!"), ElementsAre(U"<|", U"endoftext", U"|!"));
}

TEST(SplitIntoWordsTest, SpaceGivesNothing) {
  EXPECT_THAT(SplitIntoWords(U""), IsEmpty());
  EXPECT_THAT(SplitIntoWords(U"  \u3000"), IsEmpty());
}

}  // namespace
}  // namespace draftp
