// Decoding, normal form C and caption normalization against the standards' rules.
#include "draftp/text/normalize.h"

#include <gtest/gtest.h>

#include <string>

namespace draftp {
namespace {

TEST(DecodeCaptionTest, ReadsEachLengthOfSequence) {
  EXPECT_EQ(DecodeCaption("a\xC3\xA9\xE2\x98\x83\xF0\x9D\x92\xB3"), U"a\u00E9\u2603\U0001D4B3");
}

TEST(DecodeCaptionTest, ReplacesEachMaximalIllFormedPart) {
  EXPECT_EQ(DecodeCaption("\xFF"), U"\uFFFD");
  EXPECT_EQ(DecodeCaption("\xE2\x82"), U"\uFFFD");        // one cut sequence
  EXPECT_EQ(DecodeCaption("\xF0\x9F\x98z"), U"\uFFFDz");  // one, then the letter
  EXPECT_EQ(DecodeCaption("\xED\xA0\x80"),
            U"\uFFFD\uFFFD\uFFFD");                       // a surrogate: no start is legal
  EXPECT_EQ(DecodeCaption("\xC0\xAF"), U"\uFFFD\uFFFD");  // overlong
  EXPECT_EQ(DecodeCaption("\x80\x80"), U"\uFFFD\uFFFD");
}

TEST(DecodeCaptionTest, KeepsNullAndByteOrderMark) {
  EXPECT_EQ(DecodeCaption(std::string("a\0b", 3)), std::u32string(U"a\0b", 3));
  EXPECT_EQ(DecodeCaption("\xEF\xBB\xBFz"), U"\uFEFFz");
}

TEST(EncodeUtf8Test, InvertsDecoding) {
  const std::string text = "a\xC3\xA9\xE2\x98\x83\xF0\x9D\x92\xB3";
  EXPECT_EQ(EncodeUtf8(DecodeCaption(text)), text);
}

TEST(ComposeCanonicallyTest, ComposesAndOrdersMarks) {
  EXPECT_EQ(ComposeCanonically(U"e\u0301"), U"\u00E9");
  EXPECT_EQ(ComposeCanonically(U"q\u0307\u0323"), U"q\u0323\u0307");  // by class, 220 before 230
  EXPECT_EQ(ComposeCanonically(U"\u1E9B\u0323"), U"\u1E9B\u0323");    // UAX #15, figure 6
  EXPECT_EQ(ComposeCanonically(U"\u0064\u0307\u0323"), U"\u1E0D\u0307");
  EXPECT_EQ(ComposeCanonically(U"\u212B"), U"\u00C5");        // a singleton
  EXPECT_EQ(ComposeCanonically(U"\u0958"), U"\u0915\u093C");  // a composition exclusion
}

TEST(ComposeCanonicallyTest, MarksOfOneClassBlockEachOther) {
  EXPECT_EQ(ComposeCanonically(U"a\u0310\u0301"), U"a\u0310\u0301");  // both of class 230
  EXPECT_EQ(ComposeCanonically(U"a\u0327\u0301"), U"\u00E1\u0327");   // classes 202, 230
}

TEST(ComposeCanonicallyTest, LeadingMarksAreOrderedOnly) {
  EXPECT_EQ(ComposeCanonically(U"\u0301\u0327e"), U"\u0327\u0301e");
}

TEST(ComposeCanonicallyTest, ComposesHangul) {
  EXPECT_EQ(ComposeCanonically(U"\u1100\u1161\u11A8"), U"\uAC01");
  EXPECT_EQ(ComposeCanonically(U"\u1100\u1161\u0301\u11A8"), U"\uAC00\u0301\u11A8");  // blocked
}

TEST(ComposeCanonicallyTest, IsIdempotentOnTheEmptyText) {
  EXPECT_EQ(ComposeCanonically(U""), U"");
}

// Two hundred thousand marks in the worst order: an exchange sort would make 10^10 steps.
TEST(ComposeCanonicallyTest, OrdersLongRunsOfMarks) {
  constexpr size_t kPairs = 100'000;
  std::u32string text = U"q", expected = U"q";
  for (size_t i = 0; i < kPairs; ++i) text += U"\u0307\u0323";
  expected.append(kPairs, U'\u0323').append(kPairs, U'\u0307');
  EXPECT_EQ(ComposeCanonically(text), expected);
}

TEST(NormalizeCaptionTest, JoinsWhiteSpaceAndLowersCase) {
  EXPECT_EQ(NormalizeCaption(U" \t\r\nA\u3000\u00A0\u0085B "), U" a b ");
}

TEST(NormalizeCaptionTest, KeepsWhatOnlyLooksLikeSpace) {
  EXPECT_EQ(NormalizeCaption(U"a\u200B\u001Cb"), U"a\u200B\u001Cb");
}

TEST(NormalizeCaptionTest, LowersCaseWithoutContext) {
  EXPECT_EQ(NormalizeCaption(U"\u0391\u03A3"), U"\u03B1\u03C3");  // no final sigma
  EXPECT_EQ(NormalizeCaption(U"\u0130"), U"i\u0307");
}

TEST(NormalizeCaptionTest, ComposesBeforeLoweringCase) {
  EXPECT_EQ(NormalizeCaption(U"I\u0307"), U"i\u0307");  // by way of U+0130, so not composed again
}

}  // namespace
}  // namespace draftp
