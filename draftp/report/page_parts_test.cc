// Escapes against the standards' own examples, and the policy's hashes against OpenSSL's.
#include "draftp/report/page_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "draftp/report/page_texts.h"
#include "nlohmann/json.hpp"

namespace draftp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(RelativeLinkTest, EncodesAllButUnreservedCharacters) {
  EXPECT_EQ(RelativeLink("step_0.6/img-1~.png"), "./step_0.6/img-1~.png");
  // Python's urllib.parse.quote("a b/100%#é?.png", safe="/").
  EXPECT_EQ(RelativeLink("a b/100%#\u00E9?.png"), "./a%20b/100%25%23%C3%A9%3F.png");
  EXPECT_EQ(RelativeLink("a\"'<>&\n\xFF"), "./a%22%27%3C%3E%26%0A%FF");
  EXPECT_EQ(RelativeLink(""), "");
}

TEST(RelativeLinkTest, LeadsNowhereElse) {
  EXPECT_EQ(RelativeLink("javascript:alert(1)"), "./javascript%3Aalert%281%29");
  EXPECT_EQ(RelativeLink("//evil.example/x"), "./evil.example/x");
  EXPECT_EQ(RelativeLink("https://evil.example"), "./https%3A/evil.example");
  EXPECT_EQ(RelativeLink("/etc/passwd"), "./etc/passwd");
  EXPECT_EQ(RelativeLink("\\\\evil\\x"), "./%5C%5Cevil%5Cx");
}

TEST(ScriptJsonTest, KeepsTheValueAndHoldsNoMarkup) {
  const nlohmann::json value = {
      {"</script>", "<!-- & --> \u2028\u2029 \" \\ \u2030 \u2027 \u00E9"}};
  const std::string text = ScriptJson(value.dump());
  for (const char* part : {"<", ">", "&", "\u2028", "\u2029"})
    EXPECT_THAT(text, Not(HasSubstr(part)));
  EXPECT_EQ(nlohmann::json::parse(text), value);
  EXPECT_THAT(text, HasSubstr("\\u003c/script\\u003e"));
  EXPECT_THAT(text, HasSubstr("\\u2028\\u2029"));
  EXPECT_THAT(text, HasSubstr("\u2030 \u2027 \u00E9"));
}

TEST(BeginPageTest, AllowsItsOwnStyleAndScriptAlone) {
  // printf 'p{}' | openssl dgst -sha256 -binary | base64
  const std::string style = "'sha256-gG2yISYereRMiG2lMXrbiUgi0Ubw9p7QCeWcroOvy9Y='";
  const std::string script = "'sha256-9RATIFdqkCJTNwEc6+pNG0qjxmJA9pKWbaKmy3Jw3G0='";
  const PageFrame frame{.title = "a<b", .style = "p{}", .script = "f();"};
  const std::string html = BeginPage(frame) + EndPage(frame);
  EXPECT_THAT(html, HasSubstr("content=\"default-src 'none'; img-src data:; style-src " + style +
                              "; script-src " + script + "; base-uri 'none'"));
  EXPECT_THAT(html, HasSubstr("<style>p{}</style>"));
  EXPECT_THAT(html, HasSubstr("<script>f();</script>\n</body>"));
  EXPECT_THAT(html, HasSubstr("<title>a&lt;b</title>"));
}

TEST(BeginPageTest, WithoutScriptNoneMayRun) {
  const PageFrame frame{.title = "t", .style = "p{}"};
  const std::string html = BeginPage(frame) + EndPage(frame);
  EXPECT_THAT(html, Not(HasSubstr("script")));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
}

TEST(PageTextsTest, CantCloseTheirElements) {
  for (const std::string_view text : {kPageDressCss, kHtmlReportCss, kEvaluationPageCss,
                                      kEvaluationPicturesJs, kEvaluationPageJs}) {
    EXPECT_GT(text.size(), 500u);
    EXPECT_EQ(text.find("</"), std::string_view::npos);
    EXPECT_EQ(text.find("<!--"), std::string_view::npos);
    EXPECT_TRUE(text.ends_with("}\n"));
  }
  for (const std::string_view text : {kPageDressCss, kHtmlReportCss, kEvaluationPageCss}) {
    EXPECT_EQ(text.find("url("), std::string_view::npos);
    EXPECT_EQ(text.find("@import"), std::string_view::npos);
  }
}

}  // namespace
}  // namespace draftp
