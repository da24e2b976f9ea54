// The page's parts.
#include "draftp/report/html_report.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "draftp/io/atomic_file.h"
#include "draftp/report/axis_ticks.h"
#include "draftp/report/base64.h"
#include "draftp/report/html_text.h"
#include "draftp/report/moving_mean.h"
#include "draftp/report/page_parts.h"
#include "draftp/report/page_texts.h"

namespace draftp {
namespace {

std::string Facts(const Report& report) {
  if (report.facts.empty()) return "";
  std::string html = "<dl class=\"facts\">\n";
  for (const ReportFact& fact : report.facts) {
    absl::StrAppend(&html, "<div><dt>", HtmlText(fact.name), "</dt><dd>", HtmlText(fact.value));
    if (!fact.note.empty()) absl::StrAppend(&html, "<small>", HtmlText(fact.note), "</small>");
    html += "</dd></div>\n";
  }
  return html + "</dl>\n";
}

std::string Marks(const Report& report) {
  if (report.marks.empty()) return "";
  std::string html = "<ul class=\"marks\" aria-label=\"Marked steps\">\n";
  for (const ReportMark& mark : report.marks)
    absl::StrAppend(&html, "<li>", HtmlText(mark.text), "</li>\n");
  return html + "</ul>\n";
}

// What is to be known of a curve: how it is drawn, and what it lacks.
std::string Note(const ReportCurve& curve, size_t missing, double mean) {
  std::string note;
  if (const int window = MeanWindow(curve); window > 1) {
    absl::StrAppend(&note, "line: mean of the last ", window, " values, now ", ShortNumber(mean));
  }
  if (missing > 0) {
    absl::StrAppend(&note, note.empty() ? "" : "; ", missing,
                    missing == 1 ? " value isn't finite" : " values aren't finite");
  }
  return note;
}

std::string Curve(const ReportCurve& curve, const std::vector<ReportMark>& marks) {
  MovingMean mean(MeanWindow(curve));
  size_t missing = 0;
  std::string last = "\u2013";
  for (size_t i = 0; i < std::min(curve.x.size(), curve.y.size()); ++i) {
    if (!std::isfinite(curve.x[i]) || !std::isfinite(curve.y[i])) {
      ++missing;
      continue;
    }
    mean.Add(curve.y[i]);
    last = ShortNumber(curve.y[i]);
  }
  return absl::StrCat("<figure>\n<figcaption><span class=\"name\">", HtmlText(curve.name),
                      "</span><span class=\"last\">", last,
                      curve.unit.empty() ? "" : " <span class=\"unit\">", HtmlText(curve.unit),
                      curve.unit.empty() ? "" : "</span>", "</span></figcaption>\n",
                      CurveSvg(curve, marks), "<span class=\"note\">",
                      Note(curve, missing, mean.value()), "</span>\n</figure>\n");
}

uint32_t BigEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

// ` width="W" height="H"` by the picture's header, so that the page doesn't jump; else nothing.
std::string SizeOf(std::string_view png) {
  constexpr std::string_view kSignature = "\x89PNG\r\n\x1A\n";
  if (png.size() < 24 || !png.starts_with(kSignature)) return "";
  return absl::StrCat(" width=\"", BigEndian(png.substr(16, 4)), "\" height=\"",
                      BigEndian(png.substr(20, 4)), "\"");
}

std::string Image(const ReportImage& image) {
  const std::string caption = HtmlText(image.caption);
  return absl::StrCat("<figure>\n<img alt=\"", caption, "\"", SizeOf(image.png),
                      " src=\"data:image/png;base64,", Base64(image.png),
                      "\">\n<figcaption dir=\"auto\">", caption, "</figcaption>\n</figure>\n");
}

std::string Strip(const Report& report) {
  if (report.strip.empty()) return "";
  std::string html =
      "<h2>Pictures over steps</h2>\n<ul class=\"strip\" aria-label=\"Pictures over steps\">\n";
  for (const ReportStep& step : report.strip) {
    const std::string caption = HtmlText(step.caption);
    absl::StrAppend(&html, "<li><a href=\"", RelativeLink(step.original), "\"><img alt=\"\" ",
                    "src=\"data:image/jpeg;base64,", Base64(step.thumbnail), "\">", caption,
                    "</a></li>\n");
  }
  return html + "</ul>\n";
}

std::string Settings(const Report& report) {
  if (report.settings.empty() && report.defaults.empty()) return "";
  std::string html = absl::StrCat("<h2>Settings</h2>\n", SettingTable(report.settings));
  if (report.defaults.empty()) return html;
  return absl::StrCat(html, "<details>\n<summary>", report.defaults.size(),
                      " at their defaults</summary>\n", SettingTable(report.defaults),
                      "</details>\n");
}

}  // namespace

std::string RenderHtml(const Report& report) {
  const PageFrame frame{
      .title = report.title,
      .style = absl::StrCat("\n", std::string(kPageDressCss), std::string(kHtmlReportCss))};
  std::string html = BeginPage(frame);
  if (!report.summary.empty()) absl::StrAppend(&html, "<p>", HtmlText(report.summary), "</p>\n");
  html += Facts(report);
  html += WarningList(report.warnings);
  if (!report.curves.empty()) html += "<h2>Curves over steps</h2>\n" + Marks(report);
  if (!report.curves.empty()) html += "<div class=\"curves\">\n";
  for (const ReportCurve& curve : report.curves) html += Curve(curve, report.marks);
  if (!report.curves.empty()) html += "</div>\n";
  if (!report.images.empty()) html += "<h2>Pictures</h2>\n<div class=\"images\">\n";
  for (const ReportImage& image : report.images) html += Image(image);
  if (!report.images.empty()) html += "</div>\n";
  html += Strip(report) + Settings(report);
  return html + EndPage(frame);
}

absl::Status WriteReport(const std::string& path, const Report& report) {
  return WriteFileAtomically(path, RenderHtml(report));
}

}  // namespace draftp
