// One series of numbers as a small chart.
#ifndef DRAFTP_REPORT_CURVE_SVG_H_
#define DRAFTP_REPORT_CURVE_SVG_H_

#include <string>
#include <vector>

namespace draftp {

// y over x, of equal sizes (the longer is cut), x ascending. What isn't finite is a gap.
struct ReportCurve {
  std::string name;
  std::string unit;  // of y; empty: none
  std::vector<double> x, y;
};

// A step at which something changed.
struct ReportMark {
  double x;
  std::string text;
};

// The window of a curve's moving mean: a twentieth of its finite points, at most 100; 1, which is
// none, where the curve goes up and down less than every tenth point and so needs none.
int MeanWindow(const ReportCurve& curve);

// An <svg> of the series: faint, and its moving mean over MeanWindow() points in full; the series
// alone, in full, where the window is 1. Axes have round numbers; more than 2000 points are
// thinned to the least and greatest of each of 1000 buckets, which lose no peak. x are steps: their
// ticks are whole numbers. `marks` within the range are upright dashed lines. Colours come from the
// page's CSS (classes grid, axis, raw, line, mark, dot). Without a finite point: a frame that says
// so.
std::string CurveSvg(const ReportCurve& curve, const std::vector<ReportMark>& marks = {});

}  // namespace draftp

#endif  // DRAFTP_REPORT_CURVE_SVG_H_
