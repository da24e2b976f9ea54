// Lays out axes, marks and names.
#include "draftp/report/evaluation_curve.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "draftp/io/display_width.h"
#include "draftp/report/axis_ticks.h"
#include "draftp/report/html_text.h"

namespace draftp {
namespace {

constexpr double kWidth = 640;
constexpr double kHeight = 440;
constexpr double kLeft = 66;
constexpr double kRight = 14;
constexpr double kTop = 34;
constexpr double kBottom = 52;
constexpr double kLetter = 6.4;  // of a name, at 11 pixels
constexpr size_t kLongestName = 28;
constexpr size_t kColours = 8;

constexpr std::array<const char*, 7> kMarks = {
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
    "M-4.5 -4.5h9v9h-9z",
    "M0 -6L5.6 4H-5.6z",
    "M0 -6.4L6.4 0L0 6.4L-6.4 0z",
    "M0 6L5.6 -4H-5.6z",
    "M-2 -5.8h4v3.8h3.8v4h-3.8v3.8h-4v-3.8h-3.8v-4h3.8z",
    "M0 -6L5.7 -1.9L3.5 4.9H-3.5L-5.7 -1.9z",
};
constexpr char kBaseMark[] =
    "M0 -7L2 -2.4L7 -2.2L3 0.9L4.4 5.8L0 3L-4.4 5.8L-3 0.9L-7 -2.2L-2 -2.4z";

std::string Pixels(double value) {
  std::string text = absl::StrFormat("%.1f", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

struct Axis {
  double low = 0, high = 1;   // of the values
  double begin = 0, end = 1;  // of the pixels
  AxisTicks ticks;

  double At(double value) const { return begin + (value - low) / (high - low) * (end - begin); }
};

struct Box {
  double left, top, right, bottom;

  bool Meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

// A point that is drawn.
struct Dot {
  size_t point;
  double x, y;
  bool pareto;
};

bool IsDrawn(const PageMeasure& x, const PageMeasure& y) {
  return std::isfinite(x.mean) && std::isfinite(y.mean);
}

// From the least to the greatest end of an interval, with a margin.
Axis AxisOf(const std::vector<PageMeasure>& values, const std::vector<Dot>& dots, double begin,
            double end, int ticks) {
  Axis axis{.begin = begin, .end = end, .ticks = {}};
  axis.low = axis.high = values[dots[0].point].mean;
  for (const Dot& dot : dots) {
    const PageMeasure& value = values[dot.point];
    for (const double edge : {value.mean, value.low, value.high}) {
      if (!std::isfinite(edge)) continue;
      axis.low = std::min(axis.low, edge);
      axis.high = std::max(axis.high, edge);
    }
  }
  double margin = (axis.high - axis.low) * 0.06;
  if (!(margin > std::abs(axis.high) * 1e-9)) margin = std::max(std::abs(axis.high) * 0.01, 1e-6);
  axis.low -= margin;
  axis.high += margin;
  axis.ticks = RoundTicks(axis.low, axis.high, ticks);
  return axis;
}

std::string Axes(const Axis& x, const Axis& y, const std::string& x_name,
                 const std::string& y_name) {
  std::string svg;
  for (size_t i = 0; i < y.ticks.values.size(); ++i) {
    const double at = y.At(y.ticks.values[i]);
    absl::StrAppend(&svg, "<path class=\"grid\" d=\"M", Pixels(x.begin), " ", Pixels(at), "H",
                    Pixels(x.end), "\"/><text x=\"", Pixels(x.begin - 8), "\" y=\"", Pixels(at),
                    "\" dy=\".34em\" text-anchor=\"end\">", y.ticks.labels[i], "</text>\n");
  }
  for (size_t i = 0; i < x.ticks.values.size(); ++i) {
    const double at = x.At(x.ticks.values[i]);
    absl::StrAppend(&svg, "<path class=\"grid\" d=\"M", Pixels(at), " ", Pixels(y.begin), "V",
                    Pixels(y.end), "\"/><text x=\"", Pixels(at), "\" y=\"", Pixels(y.begin + 21),
                    "\" text-anchor=\"middle\">", x.ticks.labels[i], "</text>\n");
  }
  return absl::StrCat(svg, "<path class=\"axis\" d=\"M", Pixels(x.begin), " ", Pixels(y.end), "V",
                      Pixels(y.begin), "H", Pixels(x.end), "\"/>\n<text class=\"name\" x=\"",
                      Pixels(x.end), "\" y=\"", Pixels(kHeight - 6), "\" text-anchor=\"end\">",
                      HtmlText(x_name),
                      " \u2192</text>\n<text class=\"name\" x=\"4\" y=\"17\">\u2191 ",
                      HtmlText(y_name), "</text>\n");
}

std::string Line(const std::vector<Dot>& dots) {
  std::string path;
  for (const Dot& dot : dots)
    absl::StrAppend(&path, path.empty() ? "M" : "L", Pixels(dot.x), " ", Pixels(dot.y));
  return path;
}

std::string Lines(const std::vector<Dot>& dots, const std::vector<PageFamily>& families) {
  std::vector<Dot> front;
  std::copy_if(dots.begin(), dots.end(), std::back_inserter(front),
               [](const Dot& dot) { return dot.pareto; });
  std::stable_sort(front.begin(), front.end(),
                   [](const Dot& a, const Dot& b) { return a.x < b.x; });
  std::string svg;
  if (front.size() > 1) absl::StrAppend(&svg, "<path class=\"front\" d=\"", Line(front), "\"/>\n");
  for (size_t family = 0; family < families.size(); ++family) {
    std::vector<Dot> along;
    for (const size_t point : families[family].along) {
      const auto dot = std::find_if(dots.begin(), dots.end(),
                                    [&](const Dot& other) { return other.point == point; });
      if (dot != dots.end()) along.push_back(*dot);
    }
    if (along.size() < 2) continue;
    absl::StrAppend(&svg, "<path class=\"way ", families[family].css, "\" data-family=\"", family,
                    "\" d=\"", Line(along), "\"/>\n");
  }
  return svg;
}

// From one end of the interval to the other, about the point's own place.
std::string Bars(const PageMeasure& x, const PageMeasure& y, const Axis& x_axis, const Axis& y_axis,
                 const Dot& dot) {
  std::string path;
  if (std::isfinite(x.low) && std::isfinite(x.high)) {
    absl::StrAppend(&path, "M", Pixels(x_axis.At(x.low) - dot.x), " 0H",
                    Pixels(x_axis.At(x.high) - dot.x));
  }
  if (std::isfinite(y.low) && std::isfinite(y.high)) {
    absl::StrAppend(&path, "M0 ", Pixels(y_axis.At(y.low) - dot.y), "V",
                    Pixels(y_axis.At(y.high) - dot.y));
  }
  return path.empty() ? "" : absl::StrCat("<path class=\"bar\" d=\"", path, "\"/>");
}

// Where the names go that find room: by point, x, y and the anchor.
class Names {
 public:
  explicit Names(const std::vector<Dot>& dots) {
    for (const Dot& dot : dots) taken_.push_back({dot.x - 6, dot.y - 6, dot.x + 6, dot.y + 6});
  }

  // "" where there is no room.
  std::string Place(const std::string& name, const Dot& dot) {
    const auto length = static_cast<size_t>(DisplayWidth(name));
    if (name.empty() || length > kLongestName) return "";
    const double width = kLetter * static_cast<double>(length);
    for (const auto& [anchor, dx, dy] : {std::tuple("start", 7.0, -7.0),
                                         {"end", -7.0, 14.0},
                                         {"end", -7.0, -7.0},
                                         {"start", 7.0, 14.0},
                                         {"middle", 0.0, -11.0},
                                         {"middle", 0.0, 19.0},
                                         {"start", 10.0, 4.0},
                                         {"end", -10.0, 4.0}}) {
      const double back = anchor[0] == 's' ? 0 : anchor[0] == 'e' ? width : width / 2;
      const double left = dot.x + dx - back;
      const Box box{left - 1, dot.y + dy - 9, left + width + 1, dot.y + dy + 3};
      const bool inside = box.left > kLeft && box.right < kWidth && box.top > kTop - 8 &&
                          box.bottom < kHeight - kBottom;
      if (!inside || std::any_of(taken_.begin(), taken_.end(),
                                 [&](const Box& other) { return box.Meets(other); })) {
        continue;
      }
      taken_.push_back(box);
      return absl::StrCat("<text class=\"label\" x=\"", Pixels(dx), "\" y=\"", Pixels(dy),
                          "\" text-anchor=\"", anchor, "\">", HtmlText(name), "</text>");
    }
    return "";
  }

 private:
  std::vector<Box> taken_;
};

std::vector<std::string> PlaceNames(const EvaluationPage& page, const std::vector<Dot>& dots) {
  std::vector<size_t> order(dots.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto rank = [&](size_t i) {
    return page.points[dots[i].point].is_base ? 0 : dots[i].pareto ? 1 : 2;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rank(a) < rank(b); });
  Names names(dots);
  std::vector<std::string> placed(dots.size());
  for (const size_t i : order) placed[i] = names.Place(page.points[dots[i].point].name, dots[i]);
  return placed;
}

std::string Begin(const std::string& label) {
  return absl::StrCat("<svg viewBox=\"0 0 ", kWidth, " ", kHeight,
                      "\" role=\"group\" aria-label=\"", HtmlText(label), "\">\n");
}

}  // namespace

std::vector<PageFamily> FamiliesOf(const EvaluationPage& page) {
  std::vector<PageFamily> families;
  size_t coloured = 0;
  for (const PagePoint& point : page.points) {
    const auto is_it = [&](const auto& other) { return other.family == point.family; };
    if (std::any_of(families.begin(), families.end(),
                    [&](const PageFamily& family) { return family.name == point.family; })) {
      continue;
    }
    PageFamily family{.name = point.family, .css = "fbase", .mark = kBaseMark, .along = {}};
    const bool base = std::all_of(page.points.begin(), page.points.end(), [&](const auto& other) {
      return !is_it(other) || other.is_base;
    });
    if (!base) {
      family.css = absl::StrCat("f", coloured % kColours);
      family.mark = kMarks[coloured++ % kMarks.size()];
    }
    for (size_t i = 0; i < page.points.size(); ++i) {
      if (is_it(page.points[i]) && std::isfinite(page.points[i].parameter))
        family.along.push_back(i);
    }
    std::stable_sort(family.along.begin(), family.along.end(), [&](size_t a, size_t b) {
      return page.points[a].parameter < page.points[b].parameter;
    });
    families.push_back(std::move(family));
  }
  return families;
}

std::vector<size_t> FamilyOfPoints(const EvaluationPage& page,
                                   const std::vector<PageFamily>& families) {
  std::vector<size_t> result;
  for (const PagePoint& point : page.points) {
    const auto family = std::find_if(families.begin(), families.end(),
                                     [&](const auto& other) { return other.name == point.family; });
    result.push_back(static_cast<size_t>(family - families.begin()));
  }
  return result;
}

std::string EvaluationCurveSvg(const EvaluationPage& page, const PageColumns& columns,
                               const std::vector<PageFamily>& families, size_t reward) {
  const PageColumn& x = columns.columns[columns.rewards];
  const PageColumn& y = columns.columns[reward];
  const std::vector<bool> pareto = ParetoSet(page, columns, reward);
  std::vector<Dot> dots;
  for (size_t i = 0; i < page.points.size(); ++i) {
    if (IsDrawn(x.values[i], y.values[i])) dots.push_back({i, 0, 0, pareto[i]});
  }
  if (dots.empty()) {
    return absl::StrCat(Begin(absl::StrCat(y.name, ": no points")), "<text x=\"", kWidth / 2,
                        "\" y=\"", kHeight / 2,
                        "\" text-anchor=\"middle\">no point has both numbers</text>\n</svg>\n");
  }
  const Axis x_axis = AxisOf(x.values, dots, kLeft, kWidth - kRight, 6);
  const Axis y_axis = AxisOf(y.values, dots, kHeight - kBottom, kTop, 6);
  for (Dot& dot : dots) {
    dot.x = x_axis.At(x.values[dot.point].mean);
    dot.y = y_axis.At(y.values[dot.point].mean);
  }
  std::string svg = Begin(absl::StrCat(y.name, " over ", x.name, ", ", dots.size(), " points"));
  svg += Axes(x_axis, y_axis, x.name, y.name) + Lines(dots, families);
  const std::vector<size_t> family_of = FamilyOfPoints(page, families);
  const std::vector<std::string> names = PlaceNames(page, dots);
  for (size_t i = 0; i < dots.size(); ++i) {
    const Dot& dot = dots[i];
    const PageFamily& family = families[family_of[dot.point]];
    absl::StrAppend(&svg, "<g class=\"point ", family.css, dot.pareto ? " pareto" : "",
                    "\" data-point=\"", dot.point, "\" data-family=\"", family_of[dot.point],
                    "\" transform=\"translate(", Pixels(dot.x), " ", Pixels(dot.y), ")\"><title>",
                    HtmlText(page.points[dot.point].name), "</title>",
                    Bars(x.values[dot.point], y.values[dot.point], x_axis, y_axis, dot),
                    "<path class=\"mark\" d=\"", family.mark, "\"/>", names[i], "</g>\n");
  }
  return svg + "</svg>\n";
}

}  // namespace draftp
