// A report of a run: one page of HTML that needs nothing else.
#ifndef DRAFTP_REPORT_HTML_REPORT_H_
#define DRAFTP_REPORT_HTML_REPORT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "draftp/report/curve_svg.h"

namespace draftp {

struct ReportFact {
  std::string name;
  std::string value;      // a number or a few words, never broken over lines where it fits into one
  std::string note = {};  // smaller, below it
};

struct ReportImage {
  std::string caption;
  std::string png;  // the bytes of a PNG file
};

// A picture beside the page, of which it shows a small one.
struct ReportStep {
  std::string caption;    // "step 40"
  std::string thumbnail;  // the bytes of a JPEG
  std::string original;   // the file, by a path relative to the page
};

// What the page shows, top to bottom; empty parts are left out. All texts are plain.
struct Report {
  std::string title = {};
  std::string summary = {};            // a sentence or two
  std::vector<ReportFact> facts = {};  // the few that matter
  std::vector<std::string> warnings = {};
  std::vector<ReportMark> marks = {};    // steps that every curve marks, listed above them
  std::vector<ReportCurve> curves = {};  // over steps, two or three a row
  std::vector<ReportImage> images = {};  // one or two a row
  std::vector<ReportStep> strip = {};    // side by side, scrolled sideways, each a link
  std::vector<std::pair<std::string, std::string>> settings = {};  // name, value: what was chosen
  std::vector<std::pair<std::string, std::string>> defaults = {};  // the others, folded away
};

// The page: UTF-8, light or dark as the reader's system is, legible on a phone and on paper. Curves
// are inline SVG (curve_svg.h) under name, last value and unit; pictures are data URIs. It has no
// script and forbids itself to load anything. The same report gives the same bytes.
std::string RenderHtml(const Report& report);

// RenderHtml into a file that appears whole.
absl::Status WriteReport(const std::string& path, const Report& report);

}  // namespace draftp

#endif  // DRAFTP_REPORT_HTML_REPORT_H_
