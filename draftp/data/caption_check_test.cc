// What says something and what doesn't, and what no caption may be.
#include "draftp/data/caption_check.h"

#include <gtest/gtest.h>

#include <string>

#include "draftp/testing/text_files.h"

namespace draftp {
namespace {

using testing::ExpectError;

TEST(SaysSomethingTest, AnyLetterSignOrPictureWillDo) {
  for (const char* caption : {"a", " 7 ", "\x01!", "\u732b", "\U0001F98A", "\u200B."})
    EXPECT_TRUE(SaysSomething(caption)) << caption;
}

TEST(SaysSomethingTest, SpacesControlsAndInvisibleMarksSayNothing) {
  for (const char* caption : {"", " ", "\t\r\n", "\x01\x1f\x7f", "\u0085", "\u00a0\u3000\u2028",
                              "\u200b\ufeff\u00ad", "\u202e"})
    EXPECT_FALSE(SaysSomething(caption)) << caption;
}

TEST(CheckCaptionTest, TakesTextOfAnyKind) {
  for (const char* caption : {"", " ", "a\x01\x1b[2Jb\tc", "\u732b"})
    EXPECT_TRUE(CheckCaption(caption).ok()) << caption;
  EXPECT_TRUE(CheckCaption(std::string(256 << 10, 'a')).ok());
}

TEST(CheckCaptionTest, RejectsNullsOtherBytesAndLength) {
  ExpectError(CheckCaption(std::string("a\0", 2)), "without null characters");
  ExpectError(CheckCaption("\xC3"), "found \"\\xc3\"", "expected UTF-8");
  ExpectError(CheckCaption(std::string((256 << 10) + 1, 'a')), "found a caption of 262145 bytes",
              "expected at most 262144");
}

}  // namespace
}  // namespace draftp
