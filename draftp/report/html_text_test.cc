// What becomes of markup and of bytes that no page may hold.
#include "draftp/report/html_text.h"

#include <gtest/gtest.h>

namespace draftp {
namespace {

TEST(HtmlTextTest, MarkupBecomesReferences) {
  EXPECT_EQ(HtmlText("<script>\"a\" & 'b'</script>"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;");
}

TEST(HtmlTextTest, OtherTextStays) {
  EXPECT_EQ(HtmlText("k\u00e4se \u732b\n\ttwo"), "k\u00e4se \u732b\n\ttwo");
  EXPECT_EQ(HtmlText(""), "");
}

TEST(HtmlTextTest, ControlsAndOtherBytesAreReplaced) {
  EXPECT_EQ(HtmlText(std::string_view("a\0\x1b\x7f", 4)), "a\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(HtmlText("\u0085\xFF"), "\uFFFD\uFFFD");
}

}  // namespace
}  // namespace draftp
