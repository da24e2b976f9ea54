// Points, ranges, paths and labels of a chart.
#include "draftp/report/curve_svg.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "draftp/report/axis_ticks.h"
#include "draftp/report/html_text.h"
#include "draftp/report/moving_mean.h"

namespace draftp {
namespace {

constexpr double kWidth = 360, kHeight = 200;
constexpr double kTop = 8, kRight = 12, kBottom = 22;
constexpr double kLetter = 6.4;     // width of a digit at the charts' 11 px
constexpr double kLargest = 1e300;  // so that differences stay finite
constexpr size_t kMaxPoints = 2000;

struct Point {
  double x, y;
};

bool IsGap(const Point& point) { return std::isnan(point.x); }

constexpr Point Gap() {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  return {kNan, kNan};
}

// The curve's points; what isn't finite becomes a gap.
std::vector<Point> Points(const ReportCurve& curve) {
  std::vector<Point> points;
  for (size_t i = 0; i < std::min(curve.x.size(), curve.y.size()); ++i) {
    const bool finite = std::isfinite(curve.x[i]) && std::isfinite(curve.y[i]);
    points.push_back(finite ? Point{std::clamp(curve.x[i], -kLargest, kLargest),
                                    std::clamp(curve.y[i], -kLargest, kLargest)}
                            : Gap());
  }
  return points;
}

size_t CountFinite(const std::vector<Point>& points) {
  return static_cast<size_t>(
      std::count_if(points.begin(), points.end(), [](const Point& p) { return !IsGap(p); }));
}

// How often the series turns from rising to falling or back.
size_t CountTurns(const std::vector<Point>& points) {
  size_t turns = 0;
  double before = 0, direction = 0;
  bool begun = false;
  for (const Point& point : points) {
    if (IsGap(point)) continue;
    if (begun && point.y != before) {
      const double now = point.y > before ? 1 : -1;
      turns += now == -direction;
      direction = now;
    }
    before = point.y;
    begun = true;
  }
  return turns;
}

int WindowOf(const std::vector<Point>& points) {
  const size_t finite = CountFinite(points);
  if (CountTurns(points) * 10 < finite) return 1;
  return static_cast<int>(std::clamp<size_t>(finite / 20, 1, 100));
}

// Each point's y replaced by the mean of it and those before.
std::vector<Point> Smoothed(std::vector<Point> points, int window) {
  MovingMean mean(window);
  for (Point& point : points) {
    if (IsGap(point)) continue;
    mean.Add(point.y);
    point.y = mean.value();
  }
  return points;
}

// Of each bucket of successive points the least and greatest, in their order; a gap where it has no
// point.
std::vector<Point> Thinned(const std::vector<Point>& points) {
  if (points.size() <= kMaxPoints) return points;
  constexpr size_t kBuckets = kMaxPoints / 2;
  std::vector<Point> thin;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    const size_t end = (bucket + 1) * points.size() / kBuckets;
    size_t least = end, greatest = end;
    for (size_t i = bucket * points.size() / kBuckets; i < end; ++i) {
      if (IsGap(points[i])) continue;
      if (least == end || points[i].y < points[least].y) least = i;
      if (greatest == end || points[i].y > points[greatest].y) greatest = i;
    }
    thin.push_back(least == end ? Gap() : points[std::min(least, greatest)]);
    if (least != greatest) thin.push_back(points[std::max(least, greatest)]);
  }
  return thin;
}

// An axis: values low..high at pixels begin..end.
struct Axis {
  double low, high, begin, end;
  double At(double value) const { return begin + (value - low) / (high - low) * (end - begin); }
};

// From low to high, wider where all values are (nearly) one.
Axis AxisOver(double low, double high) {
  const double least = std::max({std::abs(low), std::abs(high), 1e-290}) * 1e-6;
  if (high - low < least) {
    const double middle = low / 2 + high / 2;
    const double half = middle == 0 ? 1 : std::abs(middle) / 20;
    return {middle - half, middle + half, 0, 0};
  }
  return {low, high, 0, 0};
}

struct Frame {
  Axis x, y;
  AxisTicks x_ticks, y_ticks;
};

// With some room above and below, but none on the other side of zero.
Axis WithRoom(Axis axis) {
  const double room = (axis.high - axis.low) / 25;
  const bool positive = axis.low >= 0, negative = axis.high <= 0;
  axis.low = positive ? std::max(0.0, axis.low - room) : axis.low - room;
  axis.high = negative ? std::min(0.0, axis.high + room) : axis.high + room;
  return axis;
}

Frame FrameOf(const std::vector<Point>& points) {
  double low_x = kLargest, high_x = -kLargest, low_y = kLargest, high_y = -kLargest;
  for (const Point& point : points) {
    if (IsGap(point)) continue;
    low_x = std::min(low_x, point.x);
    high_x = std::max(high_x, point.x);
    low_y = std::min(low_y, point.y);
    high_y = std::max(high_y, point.y);
  }
  Frame frame{AxisOver(low_x, high_x), WithRoom(AxisOver(low_y, high_y)), {}, {}};
  frame.x_ticks = WholeTicks(low_x, high_x, 6);
  frame.y_ticks = RoundTicks(frame.y.low, frame.y.high, 6);
  size_t longest = 0;
  for (const std::string& label : frame.y_ticks.labels) longest = std::max(longest, label.size());
  frame.x.begin = 10 + kLetter * static_cast<double>(longest);
  frame.x.end = kWidth - kRight;
  frame.y.begin = kHeight - kBottom;
  frame.y.end = kTop;
  return frame;
}

std::string Pixels(double value) {
  std::string text = absl::StrFormat("%.1f", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

// Lines through successive points; a point between gaps is a dot, by its round ends.
std::string Path(const std::vector<Point>& points, const Frame& frame, const char* css) {
  std::string path;
  bool drawing = false;
  for (size_t i = 0; i < points.size(); ++i) {
    if (IsGap(points[i])) {
      drawing = false;
      continue;
    }
    absl::StrAppend(&path, drawing ? "L" : "M", Pixels(frame.x.At(points[i].x)), " ",
                    Pixels(frame.y.At(points[i].y)));
    const bool alone = !drawing && (i + 1 == points.size() || IsGap(points[i + 1]));
    if (alone) path += "h0";
    drawing = true;
  }
  return absl::StrCat("<path class=\"", css, "\" d=\"", path, "\"/>\n");
}

std::string Axes(const Frame& frame) {
  std::string svg;
  for (size_t i = 0; i < frame.y_ticks.values.size(); ++i) {
    const double y = frame.y.At(frame.y_ticks.values[i]);
    absl::StrAppend(&svg, "<path class=\"grid\" d=\"M", Pixels(frame.x.begin), " ", Pixels(y), "H",
                    Pixels(frame.x.end), "\"/><text x=\"", Pixels(frame.x.begin - 6), "\" y=\"",
                    Pixels(y + 3.8), "\" text-anchor=\"end\">", frame.y_ticks.labels[i],
                    "</text>\n");
  }
  absl::StrAppend(&svg, "<path class=\"axis\" d=\"M", Pixels(frame.x.begin), " ",
                  Pixels(frame.y.begin), "H", Pixels(frame.x.end), "\"/>\n");
  for (size_t i = 0; i < frame.x_ticks.values.size(); ++i) {
    const double x = frame.x.At(frame.x_ticks.values[i]);
    const std::string& label = frame.x_ticks.labels[i];
    // The last label may not reach beyond the picture.
    const bool last = x + kLetter * static_cast<double>(label.size()) / 2 > kWidth;
    absl::StrAppend(&svg, "<path class=\"axis\" d=\"M", Pixels(x), " ", Pixels(frame.y.begin),
                    "v4\"/><text x=\"", Pixels(last ? kWidth : x), "\" y=\"", Pixels(kHeight - 5),
                    "\" text-anchor=\"", last ? "end" : "middle", "\">", label, "</text>\n");
  }
  return svg;
}

std::string Marks(const std::vector<ReportMark>& marks, const Frame& frame) {
  std::string svg;
  for (const ReportMark& mark : marks) {
    if (!(mark.x >= frame.x.low && mark.x <= frame.x.high)) continue;
    absl::StrAppend(&svg, "<path class=\"mark\" d=\"M", Pixels(frame.x.At(mark.x)), " ",
                    Pixels(frame.y.begin), "V", Pixels(frame.y.end), "\"><title>",
                    HtmlText(mark.text), "</title></path>\n");
  }
  return svg;
}

std::string Begin(const std::string& label) {
  return absl::StrCat("<svg viewBox=\"0 0 ", kWidth, " ", kHeight, "\" role=\"img\" aria-label=\"",
                      HtmlText(label), "\">\n");
}

}  // namespace

int MeanWindow(const ReportCurve& curve) { return WindowOf(Points(curve)); }

std::string CurveSvg(const ReportCurve& curve, const std::vector<ReportMark>& marks) {
  const std::vector<Point> points = Points(curve);
  if (CountFinite(points) == 0) {
    return absl::StrCat(Begin(absl::StrCat(curve.name, ": no values")), "<text x=\"", kWidth / 2,
                        "\" y=\"", kHeight / 2, "\" text-anchor=\"middle\">no values</text>\n",
                        "</svg>\n");
  }
  const Frame frame = FrameOf(points);
  const int window = WindowOf(points);
  const std::vector<Point> line = window > 1 ? Smoothed(points, window) : points;
  Point last{};
  for (const Point& point : line) {
    if (!IsGap(point)) last = point;
  }
  std::string svg = Begin(absl::StrCat(curve.name, " over steps, from ", ShortNumber(frame.y.low),
                                       " to ", ShortNumber(frame.y.high)));
  svg += Axes(frame) + Marks(marks, frame);
  if (window > 1) svg += Path(Thinned(points), frame, "raw");
  svg += Path(Thinned(line), frame, "line");
  absl::StrAppend(&svg, "<circle class=\"dot\" cx=\"", Pixels(frame.x.At(last.x)), "\" cy=\"",
                  Pixels(frame.y.At(last.y)), "\" r=\"3\"/>\n</svg>\n");
  return svg;
}

}  // namespace draftp
