// The page's parts, that it is well formed, and that no text becomes markup.
#include "draftp/report/html_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <limits>
#include <regex>
#include <string>
#include <vector>

#include "draftp/io/atomic_file.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::Contents;
using testing::FailsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TemporaryFolder;

constexpr char kNasty[] = "<b a='1'>\"&amp;\n\x01\xFF</td></style>";

Report FullReport(const std::string& text) {
  Report report;
  report.title = report.summary = text;
  report.facts = {{text, text, text}, {"lr", "2e-3"}};
  report.settings = report.defaults = {{text, text}, {"lr", "2e-3"}};
  report.marks = {{1, text}};
  report.warnings = {text, "the reward rises while its held-out sister falls"};
  report.curves = {{text, text, {0, 1, 2}, {30, 31, 30.5}}, {"kl", "", {}, {}}};
  report.images = {{text, Contents("testdata/goldens/png_rgb.png")}, {"none", "no PNG"}};
  report.strip = {{text, "JPEG", "validation/" + text + ".png"}};
  return report;
}

// Ends at the first tag that doesn't close what is open; "" when all close.
std::string Unbalanced(const std::string& html) {
  std::vector<std::string> open;
  const std::regex tag("<(/?)([a-z0-9]+)(\\s[^<>]*)?(/?)>");
  for (std::sregex_iterator i(html.begin(), html.end(), tag), end; i != end; ++i) {
    const std::string name = (*i)[2];
    if (name == "meta" || name == "img" || (*i)[4] == "/" || i->str().ends_with("/>")) continue;
    if ((*i)[1] != "/") {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return i->str();
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

TEST(RenderHtmlTest, ShowsEachPart) {
  const std::string html = RenderHtml(FullReport("text"));
  EXPECT_THAT(html, ::testing::StartsWith("<!DOCTYPE html>\n"));
  EXPECT_THAT(html, HasSubstr("<h1 dir=\"auto\">text</h1>"));
  EXPECT_THAT(html, HasSubstr("<dt>lr</dt><dd>2e-3</dd>"));
  EXPECT_THAT(html, HasSubstr("<dt>text</dt><dd>text<small>text</small></dd>"));
  EXPECT_THAT(html, HasSubstr("<li>the reward rises"));
  EXPECT_THAT(html, HasSubstr("<ul class=\"marks\" aria-label=\"Marked steps\">\n<li>text</li>"));
  EXPECT_THAT(html, HasSubstr("<summary>2 at their defaults</summary>"));
  EXPECT_THAT(html, HasSubstr("<span class=\"last\">30.5 <span class=\"unit\">text</span></span>"));
  EXPECT_THAT(html, HasSubstr("<img alt=\"text\" width=\"7\" height=\"5\" "
                              "src=\"data:image/png;base64,iVBORw0KGgo"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">lr</th><td>2e-3</td>"));
  EXPECT_THAT(html, HasSubstr("<li><a href=\"./validation/text.png\"><img alt=\"\" "
                              "src=\"data:image/jpeg;base64,SlBFRw==\">text</a></li>"));
}

TEST(RenderHtmlTest, IsWellFormedWhateverTheTexts) {
  for (const Report& report : {Report{}, FullReport("text"), FullReport(kNasty)})
    EXPECT_EQ(Unbalanced(RenderHtml(report)), "");
  EXPECT_EQ(Unbalanced("<p><b></p></b>"), "</p>");  // the check itself
}

TEST(RenderHtmlTest, NoTextBecomesMarkup) {
  const std::string html = RenderHtml(FullReport(kNasty));
  EXPECT_THAT(html, Not(HasSubstr("<b a=")));
  EXPECT_THAT(html, Not(HasSubstr("\x01")));
  const std::string escaped =
      "&lt;b a=&#39;1&#39;&gt;&quot;&amp;amp;\n\uFFFD\uFFFD&lt;/td&gt;&lt;/style&gt;";
  size_t count = 0;
  for (size_t at = html.find(escaped); at != std::string::npos; at = html.find(escaped, at + 1))
    ++count;
  // title and h1, summary, 3 facts, 2 settings, 2 defaults, warning, mark and its line, curve 3,
  // image 2, strip
  EXPECT_EQ(count, 19u);
}

TEST(RenderHtmlTest, LinksStayBesideThePage) {
  EXPECT_THAT(
      RenderHtml(FullReport(kNasty)),
      HasSubstr("<a href=\"./validation/%3Cb%20a%3D%271%27%3E%22%26amp%3B%0A%01%FF%3C/td%3E%3C/"
                "style%3E.png\">"));
}

TEST(RenderHtmlTest, LoadsNothing) {
  const std::string html = RenderHtml(FullReport("text"));
  for (const char* other : {"http:", "https:", "<script", "<link", "@import", "url("})
    EXPECT_THAT(html, Not(HasSubstr(other)));
  EXPECT_THAT(html, HasSubstr("default-src 'none'; img-src data:"));
}

TEST(RenderHtmlTest, LeavesOutWhatIsEmpty) {
  Report report;
  report.title = "run";
  const std::string html = RenderHtml(report);
  for (const char* part : {"<h2>", "<dl", "<ul", "<table", "<p>", "<figure", "<img"})
    EXPECT_THAT(html, Not(HasSubstr(part)));
}

TEST(RenderHtmlTest, SaysHowACurveIsDrawnAndWhatIsMissing) {
  Report report;
  report.curves.resize(1);
  for (int i = 0; i < 200; ++i) {
    report.curves[0].x.push_back(i);
    report.curves[0].y.push_back(i == 3 ? std::numeric_limits<double>::quiet_NaN() : i % 2);
  }
  EXPECT_THAT(RenderHtml(report),
              HasSubstr("line: mean of the last 9 values, now 0.5556; 1 value isn't finite"));
  EXPECT_THAT(RenderHtml(report), Not(HasSubstr("nan")));
}

TEST(WriteReportTest, AppearsWholeOrNotAtAll) {
  const TemporaryFolder folder;
  EXPECT_TRUE(WriteReport(folder / "report.html", FullReport("text")).ok());
  EXPECT_EQ(Contents(folder / "report.html"), RenderHtml(FullReport("text")));
  const testing::ScopedWriteFault full(ENOSPC, 100);
  EXPECT_THAT(WriteReport(folder / "other.html", FullReport("text")),
              FailsWith("other.html: can't"));
  EXPECT_EQ(folder.Names().size(), 1u);
}

}  // namespace
}  // namespace draftp
