// What may go into a one-line message.
#include "draftp/io/printable.h"

#include <gtest/gtest.h>

namespace draftp {
namespace {

TEST(PrintableTest, KeepsTextInAnyScript) {
  EXPECT_EQ(Printable("a \"é\" 漢 🙂"), "a \"é\" 漢 🙂");
}

TEST(PrintableTest, EscapesControlsAndLineSeparators) {
  EXPECT_EQ(Printable("a\nb\r\x1b[0m\x7f"), "a\\x0ab\\x0d\\x1b[0m\\x7f");
  EXPECT_EQ(Printable("\u0085\u2028"), "\\xc2\\x85\\xe2\\x80\\xa8");
}

TEST(PrintableTest, EscapesBrokenUtf8) { EXPECT_EQ(Printable("a\xff\xc3"), "a\\xff\\xc3"); }

TEST(PrintableTest, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(Printable("ééé", 4), "éé...");
  EXPECT_EQ(Printable("ééé", 5), "éé...");
  EXPECT_EQ(Printable("ééé", 6), "ééé");
}

TEST(PrintableTest, QuotedAddsQuotes) { EXPECT_EQ(Quoted("a"), "\"a\""); }

}  // namespace
}  // namespace draftp
