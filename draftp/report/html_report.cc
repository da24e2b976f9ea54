// The page's parts and its style sheet.
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

namespace draftp {
namespace {

// Nothing may be loaded, not even by what a text smuggled in.
constexpr char kHead[] = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
)";

constexpr char kStyle[] = R"(<style>
:root { --page: #fbfbfa; --ink: #1c1d20; --soft: #6a6c73; --rule: #e3e3e0; --line: #2b6a99;
  --note: #b4690e; --note-page: #fdf6ec; }
@media (prefers-color-scheme: dark) {
  :root { --page: #17181a; --ink: #e6e6e3; --soft: #9a9ca3; --rule: #303236; --line: #7db4dc;
    --note: #e0a458; --note-page: #26211a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 40px 24px 64px; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { margin: 0 0 4px; font-size: 26px; font-weight: 600; line-height: 1.25; }
h2 { margin: 44px 0 16px; padding-bottom: 6px; border-bottom: 1px solid var(--rule);
  font-size: 17px; font-weight: 600; }
p { margin: 0; max-width: 72ch; color: var(--soft); white-space: pre-line; }
h1, p, dd, td, th, li, figcaption { overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(170px, 44%), 1fr));
  gap: 18px 24px; margin: 26px 0 0; }
.facts dt { color: var(--soft); font-size: 13px; }
.facts dd { margin: 0; font-size: 19px; line-height: 1.35; font-variant-numeric: tabular-nums; }
.facts small { display: block; color: var(--soft); font-size: 13px; }
.warnings { margin: 26px 0 0; padding: 12px 16px 12px 34px; border-left: 3px solid var(--note);
  background: var(--note-page); }
.warnings li::marker { color: var(--note); }
.marks { margin: -4px 0 20px; padding: 0; list-style: none; color: var(--soft); font-size: 13px; }
.marks li::before { content: ""; display: inline-block; height: 12px; margin-right: 8px;
  border-left: 1.5px dashed var(--note); vertical-align: -1px; }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(330px, 100%), 1fr));
  gap: 30px 32px; }
.images { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr));
  gap: 30px 32px; }
figure { margin: 0; min-width: 0; break-inside: avoid; }
.curves figcaption { display: flex; align-items: baseline; gap: 12px; margin-bottom: 4px; }
.curves .name { flex: 1; font-weight: 600; }
.curves .last { font-size: 17px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.curves .unit, .curves .note { color: var(--soft); font-size: 12px; }
.curves .note { display: block; line-height: 1.35; }
.images img { display: block; max-width: 100%; height: auto; border-radius: 2px; }
@media screen and (prefers-color-scheme: dark) {
  .images img { filter: brightness(.8); }
  .images img:hover { filter: none; }
}
.images figcaption { margin-top: 8px; color: var(--soft); font-size: 13px; white-space: pre-line; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--soft); font-size: 11px; font-variant-numeric: tabular-nums; }
svg path { fill: none; }
.grid { stroke: var(--rule); }
.axis { stroke: var(--soft); stroke-opacity: .55; }
.raw { stroke: var(--line); stroke-opacity: .28; stroke-linejoin: round; stroke-linecap: round; }
.line { stroke: var(--line); stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.mark { stroke: var(--note); stroke-dasharray: 4 3; }
.dot { fill: var(--line); stroke: var(--page); stroke-width: 1.5; }
summary { margin: 18px 0 8px; color: var(--soft); font-size: 13px; cursor: pointer; }
table { width: 100%; max-width: 860px; border-collapse: collapse; font-size: 13px; }
th, td { padding: 5px 16px 5px 0; border-bottom: 1px solid var(--rule); text-align: left;
  vertical-align: top; }
th { width: 40%; color: var(--soft); font-weight: 400; }
td { font-family: ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace;
  white-space: pre-wrap; }
@media (max-width: 520px) { body { padding: 24px 16px 40px; } }
</style>
)";

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

std::string Warnings(const Report& report) {
  if (report.warnings.empty()) return "";
  std::string html = "<ul class=\"warnings\" aria-label=\"Warnings\">\n";
  for (const std::string& warning : report.warnings) {
    absl::StrAppend(&html, "<li>", HtmlText(warning), "</li>\n");
  }
  return html + "</ul>\n";
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

std::string Table(const std::vector<std::pair<std::string, std::string>>& rows) {
  if (rows.empty()) return "";
  std::string html = "<table>\n";
  for (const auto& [name, value] : rows) {
    absl::StrAppend(&html, "<tr><th scope=\"row\">", HtmlText(name), "</th><td>", HtmlText(value),
                    "</td></tr>\n");
  }
  return html + "</table>\n";
}

std::string Settings(const Report& report) {
  if (report.settings.empty() && report.defaults.empty()) return "";
  std::string html = absl::StrCat("<h2>Settings</h2>\n", Table(report.settings));
  if (report.defaults.empty()) return html;
  return absl::StrCat(html, "<details>\n<summary>", report.defaults.size(),
                      " at their defaults</summary>\n", Table(report.defaults), "</details>\n");
}

}  // namespace

std::string RenderHtml(const Report& report) {
  const std::string title = HtmlText(report.title);
  std::string html = absl::StrCat(kHead, "<title>", title, "</title>\n", kStyle,
                                  "</head>\n<body>\n<h1>", title, "</h1>\n");
  if (!report.summary.empty()) absl::StrAppend(&html, "<p>", HtmlText(report.summary), "</p>\n");
  html += Facts(report);
  html += Warnings(report);
  if (!report.curves.empty()) html += "<h2>Curves over steps</h2>\n" + Marks(report);
  if (!report.curves.empty()) html += "<div class=\"curves\">\n";
  for (const ReportCurve& curve : report.curves) html += Curve(curve, report.marks);
  if (!report.curves.empty()) html += "</div>\n";
  if (!report.images.empty()) html += "<h2>Pictures</h2>\n<div class=\"images\">\n";
  for (const ReportImage& image : report.images) html += Image(image);
  if (!report.images.empty()) html += "</div>\n";
  html += Settings(report);
  return html + "</body>\n</html>\n";
}

absl::Status WriteReport(const std::string& path, const Report& report) {
  return WriteFileAtomically(path, RenderHtml(report));
}

}  // namespace draftp
