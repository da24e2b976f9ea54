// Charts of awkward series.
#include "draftp/report/curve_svg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>
#include <string>
#include <vector>

namespace draftp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

ReportCurve CurveOf(const std::vector<double>& y) {
  ReportCurve curve{"reward", "", {}, y};
  for (size_t i = 0; i < y.size(); ++i) curve.x.push_back(static_cast<double>(i));
  return curve;
}

// The d of the path of class `css`, or "" without one.
std::string PathOf(const std::string& svg, const std::string& css) {
  const std::string begin = "<path class=\"" + css + "\" d=\"";
  const size_t at = svg.find(begin);
  if (at == std::string::npos) return "";
  return svg.substr(at + begin.size(), svg.find('"', at + begin.size()) - at - begin.size());
}

size_t CountLetters(const std::string& text, char c) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), c));
}

// All coordinates of paths, texts and circles lie in the picture; no number is written as none.
void ExpectInside(const std::string& svg) {
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  const std::regex point("[ML](-?[0-9.]+) (-?[0-9.]+)");
  for (std::sregex_iterator i(svg.begin(), svg.end(), point), end; i != end; ++i) {
    const double x = std::stod((*i)[1]), y = std::stod((*i)[2]);
    EXPECT_TRUE(x >= 0 && x <= 360 && y >= 0 && y <= 200) << i->str();
  }
}

TEST(CurveSvgTest, ScalesValuesToTheFrame) {
  const std::string svg = CurveSvg(CurveOf({0, 10, 5}));
  ExpectInside(svg);
  // 0 to 10.4 on 178 to 8; labels two digits wide: 10 + 2 * 6.4.
  EXPECT_EQ(PathOf(svg, "line"), "M22.8 178L185.4 14.5L348 96.3");
  EXPECT_EQ(PathOf(svg, "raw"), "");
  EXPECT_THAT(svg, HasSubstr("<circle class=\"dot\" cx=\"348\" cy=\"96.3\""));
  EXPECT_THAT(svg, HasSubstr(">10</text>"));
}

TEST(CurveSvgTest, ALongSeriesThatGoesUpAndDownGetsItsMovingMean) {
  std::vector<double> y;
  for (int i = 0; i < 40; ++i) y.push_back(i % 2 == 0 ? -25 : 25);
  EXPECT_EQ(MeanWindow(CurveOf(y)), 2);
  const std::string svg = CurveSvg(CurveOf(y));  // -27 to 27 on 178 to 8; the mean: -25, 0, 0, ...
  EXPECT_THAT(PathOf(svg, "raw"),
              ::testing::MatchesRegex("M[0-9.]+ 171.7L[0-9.]+ 14.3L[0-9.]+ 171.7L.*"));
  EXPECT_THAT(PathOf(svg, "line"),
              ::testing::MatchesRegex("M[0-9.]+ 171.7L[0-9.]+ 93L[0-9.]+ 93L.*"));
}

TEST(CurveSvgTest, ShortAndSmoothSeriesNeedNoMean) {
  std::vector<double> rising, noisy;
  for (int i = 0; i < 4000; ++i) {
    rising.push_back(i);
    noisy.push_back(i % 2);
  }
  EXPECT_EQ(MeanWindow(CurveOf(rising)), 1);
  EXPECT_EQ(MeanWindow(CurveOf(std::vector<double>(4000, 3))), 1);
  EXPECT_EQ(MeanWindow(CurveOf(noisy)), 100);
  noisy.resize(39);
  EXPECT_EQ(MeanWindow(CurveOf(noisy)), 1);
  EXPECT_EQ(PathOf(CurveSvg(CurveOf(rising)), "raw"), "");
}

TEST(CurveSvgTest, WhatIsNotFiniteIsAGap) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::string svg = CurveSvg(CurveOf({kNan, 1, 2, kNan, 3, infinity, 4, 5, kNan}));
  ExpectInside(svg);
  EXPECT_EQ(CountLetters(PathOf(svg, "line"), 'M'), 3u);
  EXPECT_EQ(CountLetters(PathOf(svg, "line"), 'L'), 2u);
  EXPECT_THAT(PathOf(svg, "line"), HasSubstr("h0"));  // the 3 alone
}

TEST(CurveSvgTest, ASeriesOfNothingSaysSo) {
  for (const ReportCurve& curve :
       {CurveOf({}), CurveOf({kNan, kNan}), ReportCurve{"a", "", {1}, {}}}) {
    EXPECT_THAT(CurveSvg(curve), HasSubstr(">no values</text>"));
    ExpectInside(CurveSvg(curve));
  }
}

TEST(CurveSvgTest, OnePointIsADot) {
  const std::string svg = CurveSvg(CurveOf({30.4}));
  ExpectInside(svg);
  EXPECT_THAT(PathOf(svg, "line"), ::testing::EndsWith("h0"));
  EXPECT_THAT(svg, HasSubstr("cy=\"93\""));
}

TEST(CurveSvgTest, ConstantsAndExtremesStayInside) {
  const double huge = std::numeric_limits<double>::max();
  for (const std::vector<double>& y : std::vector<std::vector<double>>{{0, 0},
                                                                       {7, 7, 7},
                                                                       {-1e-300, -1e-300},
                                                                       {5e-324, 0},
                                                                       {huge, -huge},
                                                                       {huge, huge},
                                                                       {1e15, 1e15 + 1},
                                                                       {1e-9, 2e-9},
                                                                       {-3, kNan, -3}}) {
    const std::string svg = CurveSvg(CurveOf(y));
    ExpectInside(svg);
    EXPECT_THAT(svg, HasSubstr("class=\"grid\"")) << y[0];
  }
}

TEST(CurveSvgTest, ThinningKeepsPeaks) {
  std::vector<double> y(100000);
  for (size_t i = 0; i < y.size(); ++i) y[i] = static_cast<double>(i % 2);
  y[33333] = 18;
  y[66666] = -7;  // -8 to 19 on 178 to 8
  const std::string path = PathOf(CurveSvg(CurveOf(y)), "raw");
  EXPECT_LE(CountLetters(path, 'L') + CountLetters(path, 'M'), 2000u);
  EXPECT_THAT(path, HasSubstr(" 14.3L"));
  EXPECT_THAT(path, HasSubstr(" 171.7L"));
}

TEST(CurveSvgTest, ThinningKeepsGapsOfManyPoints) {
  std::vector<double> y(10000, 1);
  std::fill(y.begin() + 4000, y.begin() + 6000, kNan);
  EXPECT_EQ(CountLetters(PathOf(CurveSvg(CurveOf(y)), "line"), 'M'), 2u);
}

TEST(CurveSvgTest, StepsHaveWholeTicks) {
  EXPECT_THAT(CurveSvg(CurveOf({0, 10, 5})), Not(HasSubstr(">0.5</text>")));
  const std::string one = CurveSvg({"reward", "", {7}, {3}});
  EXPECT_THAT(one, HasSubstr(">7</text>"));
  EXPECT_THAT(one, Not(HasSubstr(">6.8</text>")));
}

TEST(CurveSvgTest, MarksWithinTheRangeAreLines) {
  const std::string svg = CurveSvg(CurveOf({0, 10, 5}), {{1, "lr <2e-3>"}, {7, "late"}, {-1, ""}});
  ExpectInside(svg);
  EXPECT_EQ(PathOf(svg, "mark"), "M185.4 178V8");
  EXPECT_THAT(svg, HasSubstr("<title>lr &lt;2e-3&gt;</title>"));
  EXPECT_THAT(svg, Not(HasSubstr("late")));
}

TEST(CurveSvgTest, NamesAreEscaped) {
  ReportCurve curve = CurveOf({1, 2});
  curve.name = "a\"><script>";
  EXPECT_THAT(CurveSvg(curve), HasSubstr("aria-label=\"a&quot;&gt;&lt;script&gt; over steps"));
}

}  // namespace
}  // namespace draftp
