// What says something and what doesn't.
#include "draftp/data/caption_check.h"

#include <gtest/gtest.h>

#include <string>

#include "draftp/testing/text_files.h"

namespace draftp {
namespace {

using testing::ExpectError;

TEST(CheckCaptionTest, AnyLetterSignOrPictureWillDo) {
  for (const char* caption : {"a", " 7 ", "\x01!", "\u732b", "\U0001F98A", "\u200B."}) {
    EXPECT_TRUE(CheckCaption(caption).ok()) << caption;
  }
}

TEST(CheckCaptionTest, SpacesControlsAndInvisibleMarksSayNothing) {
  for (const char* caption : {" ", "\t\r\n", "\x01\x1f\x7f", "\u0085", "\u00a0\u3000\u2028",
                              "\u200b\ufeff\u00ad", "\u202e"}) {
    ExpectError(CheckCaption(caption), "found ",
                "expected more than spaces and control characters");
  }
}

TEST(CheckCaptionTest, RejectsEmptyNullAndOtherBytes) {
  ExpectError(CheckCaption(""), "found an empty caption");
  ExpectError(CheckCaption(std::string("a\0", 2)), "without null characters");
  ExpectError(CheckCaption("\xC3"), "expected UTF-8");
  ExpectError(CheckCaption(std::string((256 << 10) + 1, 'a')), "found a caption of 262145 bytes");
}

}  // namespace
}  // namespace draftp
