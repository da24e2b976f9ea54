// Curve, legend and tables as markup, and what the script reads as JSON.
#include "draftp/report/evaluation_page.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "draftp/report/base64.h"
#include "draftp/report/evaluation_columns.h"
#include "draftp/report/evaluation_curve.h"
#include "draftp/report/html_text.h"
#include "draftp/report/page_parts.h"
#include "draftp/report/page_texts.h"
#include "nlohmann/json.hpp"

namespace draftp {
namespace {

using Json = nlohmann::ordered_json;

// What the parts below share.
struct Drawn {
  const EvaluationPage& page;
  PageColumns columns;
  std::vector<PageFamily> families;
  std::vector<size_t> family_of;
};

std::string Swatch(const PageFamily& family, bool filled) {
  return absl::StrCat("<svg class=\"swatch ", family.css, filled ? " pareto" : "",
                      "\" viewBox=\"-8 -8 16 16\" aria-hidden=\"true\"><path class=\"mark\" d=\"",
                      family.mark, "\"/></svg>");
}

std::string Legend(const Drawn& drawn) {
  std::string html = "<ul class=\"legend\" aria-label=\"Families\">\n";
  for (size_t i = 0; i < drawn.families.size(); ++i) {
    absl::StrAppend(&html, "<li data-family=\"", i, "\">", Swatch(drawn.families[i], true),
                    "<span dir=\"auto\">", HtmlText(drawn.families[i].name), "</span></li>\n");
  }
  return html + "</ul>\n";
}

// A curve for each reward; the script shows one at a time.
std::string Curves(const Drawn& drawn) {
  std::string html = "<div class=\"chart\">\n<div id=\"tools\"></div>\n";
  for (size_t reward = 0; reward < drawn.columns.rewards; ++reward) {
    absl::StrAppend(&html, "<figure data-reward=\"", reward, "\">\n",
                    EvaluationCurveSvg(drawn.page, drawn.columns, drawn.families, reward),
                    "</figure>\n");
  }
  return absl::StrCat(
      html, Legend(drawn),
      "<p class=\"note\">Filled marks on the broad line are the Pareto set: no other "
      "point has more of both. Bars are intervals.</p>\n</div>\n");
}

std::string ValueCell(const PageMeasure& value, int decimals) {
  const std::string number =
      std::isfinite(value.mean) ? absl::StrCat(" data-value=\"", value.mean, "\"") : "";
  std::string html =
      absl::StrCat("<td class=\"number\"", number, ">", ColumnNumber(value.mean, decimals));
  if (std::isfinite(value.low) && std::isfinite(value.high)) {
    absl::StrAppend(&html, "<small>", ColumnNumber(value.low, decimals), " \u2013 ",
                    ColumnNumber(value.high, decimals), "</small>");
  }
  return html + "</td>";
}

std::string HeaderCell(const Drawn& drawn, const std::string& name, bool number) {
  std::string title;
  for (const auto& [column, sentence] : drawn.page.explained) {
    if (column == name) title = absl::StrCat(" title=\"", HtmlText(sentence), "\"");
  }
  return absl::StrCat("<th scope=\"col\"", number ? " class=\"number\"" : "", title, ">",
                      HtmlText(name), "</th>");
}

std::string Row(const Drawn& drawn, size_t i, bool parameters) {
  const PagePoint& point = drawn.page.points[i];
  const PageFamily& family = drawn.families[drawn.family_of[i]];
  std::string html = absl::StrCat(
      "<tr data-point=\"", i, "\"><th scope=\"row\"><div class=\"row-name\">",
      Swatch(family, point.pareto), "<span class=\"point-name\" dir=\"auto\">",
      HtmlText(point.name), "</span></div></th><td>", point.pareto ? "yes" : "", "</td>");
  for (const PageColumn& column : drawn.columns.columns)
    html += ValueCell(column.values[i], column.decimals);
  html += ValueCell({.mean = static_cast<double>(point.images)}, 0);
  if (parameters) html += ValueCell({.mean = point.parameter}, -1);
  return absl::StrCat(html, "<td dir=\"auto\">", HtmlText(point.family), "</td></tr>\n");
}

// What tells most stands first, for narrow windows.
std::string Table(const Drawn& drawn) {
  if (drawn.page.points.empty()) return "";
  const bool parameters =
      std::any_of(drawn.page.points.begin(), drawn.page.points.end(),
                  [](const PagePoint& point) { return std::isfinite(point.parameter); });
  std::string html =
      "<h2>Numbers</h2>\n<div class=\"sideways\" role=\"region\" aria-label=\"Numbers of all "
      "points\" tabindex=\"0\">\n<table class=\"numbers\" id=\"numbers\">\n<thead><tr>";
  absl::StrAppend(&html, HeaderCell(drawn, "name", false), HeaderCell(drawn, "pareto", false));
  for (const PageColumn& column : drawn.columns.columns)
    html += HeaderCell(drawn, column.name, true);
  absl::StrAppend(&html, HeaderCell(drawn, "images", true),
                  parameters ? HeaderCell(drawn, "parameter", true) : "",
                  HeaderCell(drawn, "family", false), "</tr></thead>\n<tbody>\n");
  for (size_t i = 0; i < drawn.page.points.size(); ++i) html += Row(drawn, i, parameters);
  return html + "</tbody>\n</table>\n</div>\n";
}

std::string Explained(const EvaluationPage& page) {
  if (page.explained.empty()) return "";
  std::string html = "<h2>What the numbers say</h2>\n<dl class=\"explained\">\n";
  for (const auto& [name, sentence] : page.explained) {
    absl::StrAppend(&html, "<div><dt>", HtmlText(name), "</dt><dd>", HtmlText(sentence),
                    "</dd></div>\n");
  }
  return html + "</dl>\n";
}

Json Number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json Triple(const PageMeasure& value) {
  return {Number(value.mean), Number(value.low), Number(value.high)};
}

Json Values(const PageColumns& columns, size_t point) {
  Json values = Json::array();
  for (const PageColumn& column : columns.columns) values.push_back(Triple(column.values[point]));
  return values;
}

Json Pictures(const PagePoint& point) {
  Json pictures = Json::array();
  for (const PagePicture& picture : point.pictures) {
    pictures.push_back({{"prompt", picture.prompt},
                        {"image", picture.image},
                        {"score", Number(picture.score)},
                        {"original", RelativeLink(picture.original)},
                        {"thumbnail", Base64(picture.thumbnail)}});
  }
  return pictures;
}

std::string Data(const Drawn& drawn) {
  Json data = {{"prompts", drawn.page.prompts}, {"rewards", drawn.columns.rewards}};
  data["columns"] = data["families"] = data["points"] = Json::array();
  for (const PageColumn& column : drawn.columns.columns)
    data["columns"].push_back({{"name", column.name}, {"decimals", column.decimals}});
  for (const PageFamily& family : drawn.families) {
    data["families"].push_back({{"name", family.name},
                                {"css", family.css},
                                {"mark", family.mark},
                                {"along", family.along}});
  }
  for (size_t i = 0; i < drawn.page.points.size(); ++i) {
    const PagePoint& point = drawn.page.points[i];
    data["points"].push_back({{"name", point.name},
                              {"family", drawn.family_of[i]},
                              {"parameter", Number(point.parameter)},
                              {"images", point.images},
                              {"pareto", point.pareto},
                              {"values", Values(drawn.columns, i)},
                              {"pictures", Pictures(point)}});
  }
  data["differences"] = Json::array();
  for (const PageDifference& difference : drawn.page.differences) {
    data["differences"].push_back({{"point", difference.point},
                                   {"from", difference.from},
                                   {"reward", Triple(difference.reward)},
                                   {"diversity", Triple(difference.diversity)}});
  }
  return absl::StrCat("<script type=\"application/json\" id=\"data\">",
                      ScriptJson(data.dump(-1, ' ', false, Json::error_handler_t::replace)),
                      "</script>\n");
}

// Empty until the script fills them.
constexpr char kExplorer[] =
    "<section id=\"details\" aria-label=\"The point that is pointed at\" hidden></section>\n";
constexpr char kBelow[] =
    "<section id=\"comparison\" aria-label=\"Two points compared\" hidden></section>\n"
    "<section id=\"way\" aria-label=\"Along a family\" hidden></section>\n"
    "<noscript><p>Pictures, the comparison of two points and sorting need the page's script, which "
    "this browser doesn't run.</p></noscript>\n";

}  // namespace

std::string RenderEvaluationPage(const EvaluationPage& page) {
  Drawn drawn{page, ColumnsOf(page), FamiliesOf(page), {}};
  drawn.family_of = FamilyOfPoints(page, drawn.families);
  const PageFrame frame{
      .title = page.title,
      .style = absl::StrCat("\n", std::string(kPageDressCss), std::string(kEvaluationPageCss)),
      .script =
          absl::StrCat("\n", std::string(kEvaluationPicturesJs), std::string(kEvaluationPageJs)),
      .pictures_beside_it = true};
  std::string html = BeginPage(frame);
  if (!page.summary.empty()) absl::StrAppend(&html, "<p>", HtmlText(page.summary), "</p>\n");
  html += WarningList(page.warnings);
  const std::string reward =
      drawn.columns.rewards > 0 ? HtmlText(drawn.columns.columns[0].name) : "Reward";
  absl::StrAppend(&html, "<h2>", reward, " and diversity</h2>\n<div class=\"explorer\">\n",
                  Curves(drawn), kExplorer, "</div>\n", kBelow, Table(drawn), Explained(page));
  if (!page.settings.empty())
    absl::StrAppend(&html, "<h2>Settings</h2>\n", SettingTable(page.settings));
  return html + Data(drawn) + EndPage(frame);
}

}  // namespace draftp
