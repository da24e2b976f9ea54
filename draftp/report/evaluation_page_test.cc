// The page's parts, that it is well formed, says the same each time, and that no text becomes
// markup.
#include "draftp/report/evaluation_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <string>
#include <vector>

#include "draftp/report/test_evaluation.h"
#include "nlohmann/json.hpp"

namespace draftp {
namespace {

using testing::ExampleEvaluation;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kHostileText[] = "</script><b a='1'>\"&amp;\n\x01\xFF\u2028</td></style><!--";

EvaluationPage HostilePage() {
  EvaluationPage page = ExampleEvaluation(2, 1);
  page.title = page.summary = page.prompts[0] = kHostileText;
  page.warnings = {kHostileText};
  page.settings = page.explained = {{kHostileText, kHostileText}};
  for (PagePoint& point : page.points) {
    point.name = point.family = point.rewards[0].name = kHostileText;
    point.numbers = {{kHostileText, 1}};
    for (PagePicture& picture : point.pictures) picture.original = kHostileText;
  }
  return page;
}

nlohmann::json DataOf(const std::string& html) {
  const std::string open = "<script type=\"application/json\" id=\"data\">";
  const size_t begin = html.find(open) + open.size();
  return nlohmann::json::parse(html.substr(begin, html.find("</script>", begin) - begin));
}

// The first tag of the page, less its style and scripts, that doesn't close what is open; "" when
// all close.
std::string UnbalancedTags(std::string html) {
  for (const std::string name : {"style", "script"}) {
    for (size_t at = html.find("<" + name); at != std::string::npos; at = html.find("<" + name)) {
      const size_t close = html.find("</" + name + ">", at);
      if (close == std::string::npos) return name;
      html.erase(at, close + name.size() + 3 - at);
    }
  }
  std::vector<std::string> open;
  const std::regex tag("<(/?)([a-z0-9]+)(\\s[^<>]*)?>");
  for (std::sregex_iterator i(html.begin(), html.end(), tag), end; i != end; ++i) {
    const std::string name = (*i)[2];
    if (name == "meta" || i->str().ends_with("/>")) continue;
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

int CountInPage(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(EvaluationPageTest, HasEachPart) {
  const std::string html = RenderEvaluationPage(ExampleEvaluation(3, 2));
  EXPECT_THAT(html, ::testing::StartsWith("<!DOCTYPE html>\n"));
  EXPECT_EQ(CountInPage(html, "<figure data-reward"), 2);
  EXPECT_EQ(CountInPage(html, "<tr data-point"), 11);
  EXPECT_EQ(CountInPage(html, "<li data-family"), 4);
  EXPECT_THAT(html, HasSubstr("<td class=\"number\" data-value=\"31.542\">31.54<small>31.43 \u2013 "
                              "31.66</small></td>"));
  EXPECT_THAT(html, HasSubstr("title=\"Distance to the base&#39;s images"));
  EXPECT_THAT(html, HasSubstr("<li>square: recall needs at least 50 images"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">steps</th><td>10</td>"));
  EXPECT_THAT(html, HasSubstr("<noscript>"));
  EXPECT_THAT(html, Not(HasSubstr("<img")));  // pictures become elements when they are shown
}

TEST(EvaluationPageTest, DataHoldsWhatTheScriptShows) {
  const EvaluationPage page = ExampleEvaluation(3, 2);
  const nlohmann::json data = DataOf(RenderEvaluationPage(page));
  EXPECT_EQ(data["prompts"][1], "two blue squares, one above the other");
  EXPECT_EQ(data["rewards"], 2);
  EXPECT_EQ(data["points"].size(), 11u);
  const nlohmann::json& point = data["points"][7];
  EXPECT_EQ(point["name"], "step_0.6");
  EXPECT_EQ(point["parameter"], 0.6);
  EXPECT_EQ(point["values"][0][0], page.points[7].rewards[0].mean);
  EXPECT_EQ(point["values"][2][1], page.points[7].diversity.low);
  EXPECT_EQ(point["values"][3][1], nullptr);  // vendi has no interval
  EXPECT_EQ(data["points"][0]["parameter"], nullptr);
  const nlohmann::json& picture = point["pictures"][5];
  EXPECT_EQ(picture["prompt"], 2);
  EXPECT_EQ(picture["image"], 1);
  EXPECT_EQ(picture["original"], "./step_0.6/img_00002_01.png");
  EXPECT_THAT(picture["thumbnail"].get<std::string>(), ::testing::StartsWith("/9j/"));  // a JPEG's
}

TEST(EvaluationPageTest, TheSameInputGivesTheSameBytes) {
  EXPECT_EQ(RenderEvaluationPage(ExampleEvaluation(3, 2)),
            RenderEvaluationPage(ExampleEvaluation(3, 2)));
}

TEST(EvaluationPageTest, IsWellFormedWhateverTheTexts) {
  for (const EvaluationPage& page : {EvaluationPage{}, ExampleEvaluation(3, 2), HostilePage()})
    EXPECT_EQ(UnbalancedTags(RenderEvaluationPage(page)), "");
  EXPECT_EQ(UnbalancedTags("<p><b></p></b>"), "</p>");  // the check itself
}

TEST(EvaluationPageTest, NoTextBecomesMarkup) {
  const std::string html = RenderEvaluationPage(HostilePage());
  EXPECT_THAT(html, Not(HasSubstr("<b a=")));
  EXPECT_THAT(html, Not(HasSubstr("\x01")));
  EXPECT_THAT(html, Not(HasSubstr("<!--")));
  EXPECT_EQ(CountInPage(html, "</script>"), 2);  // the data's and the script's
  EXPECT_EQ(CountInPage(html, "</style>"), 1);
  const nlohmann::json data = DataOf(html);
  EXPECT_THAT(data["prompts"][0].get<std::string>(),
              ::testing::StartsWith("</script><b a='1'>\"&"));
}

TEST(EvaluationPageTest, NamesNoOtherPlace) {
  const std::string html = RenderEvaluationPage(ExampleEvaluation(3, 2));
  EXPECT_THAT(html,
              HasSubstr("default-src 'none'; img-src data: 'self' file:; style-src 'sha256-"));
  for (const char* other : {"https:", "<link", "@import", "url(", "unsafe-inline"})
    EXPECT_THAT(html, Not(HasSubstr(other)));
  // A namespace's name, which isn't fetched.
  EXPECT_EQ(CountInPage(html, "http:"), CountInPage(html, "http://www.w3.org/2000/svg"));
}

}  // namespace
}  // namespace draftp
