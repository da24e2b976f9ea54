// UTF-8 decoding against the definition, over all code points and the ill-formed kinds.
#include "draftp/io/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace draftp {
namespace {

TEST(Utf8Test, DecodesWhatItEncodesForAllCodePoints) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    AppendUtf8(c, text);
    const Utf8Character character = DecodeUtf8(text);
    ASSERT_TRUE(character.valid) << static_cast<uint32_t>(c);
    ASSERT_EQ(character.code_point, c);
    ASSERT_EQ(character.length, static_cast<int>(text.size()));
  }
}

TEST(Utf8Test, EncodesAsTheLiteralsOfTheCompiler) {
  std::string text;
  for (const char32_t c : U"aé漢🙂") {
    if (c != 0) AppendUtf8(c, text);
  }
  EXPECT_EQ(text, "aé漢🙂");
}

TEST(Utf8Test, RejectsIllFormedSequencesAByteAtATime) {
  for (const std::string bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80",
                                "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
                                "\xC3", "\xE6\xBC", "\xF0\x9F\x99", "\xC3(", "\xE6\xBC("}) {
    const Utf8Character character = DecodeUtf8(bad);
    EXPECT_FALSE(character.valid) << bad;
    EXPECT_EQ(character.length, 1);
    EXPECT_EQ(character.code_point, kReplacementCharacter);
    EXPECT_FALSE(IsUtf8("ok" + bad));
  }
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("naïve 🙂"));
}

}  // namespace
}  // namespace draftp
