// A report of a run: one page of HTML that needs nothing else.
#ifndef DRAFTP_IO_HTML_REPORT_H_
#define DRAFTP_IO_HTML_REPORT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "draftp/io/curve_svg.h"

namespace draftp {

struct ReportImage {
  std::string caption;
  std::string png;  // the bytes of a PNG file
};

// What the page shows, top to bottom; empty parts are left out. All texts are plain.
struct Report {
  std::string title;
  std::string summary;                                     // a sentence or two
  std::vector<std::pair<std::string, std::string>> facts;  // name, value: the few that matter
  std::vector<std::string> warnings;
  std::vector<ReportCurve> curves;                            // over steps, two or three a row
  std::vector<ReportImage> images;                            // one or two a row
  std::vector<std::pair<std::string, std::string>> settings;  // name, value: all of them
};

// The page: UTF-8, light or dark as the reader's system is, legible on a phone and on paper. Curves
// are inline SVG (curve_svg.h) under name, last value and unit; pictures are data URIs. It has no
// script and forbids itself to load anything. The same report gives the same bytes.
std::string RenderHtml(const Report& report);

// RenderHtml into a file that appears whole.
absl::Status WriteReport(const std::string& path, const Report& report);

}  // namespace draftp

#endif  // DRAFTP_IO_HTML_REPORT_H_
