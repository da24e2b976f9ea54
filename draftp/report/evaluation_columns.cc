// Collects columns by name.
#include "draftp/report/evaluation_columns.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "draftp/report/axis_ticks.h"

namespace draftp {
namespace {

constexpr int kMostDecimals = 6;

int DecimalsOf(const std::vector<PageMeasure>& values) {
  std::vector<double> halves;
  double greatest = 0;
  for (const PageMeasure& value : values) {
    const double half = (value.high - value.low) / 2;
    if (std::isfinite(half) && half > 0) halves.push_back(half);
    if (std::isfinite(value.mean)) greatest = std::max(greatest, std::abs(value.mean));
  }
  if (greatest == 0) return 0;
  if (greatest < 1e-3 || greatest >= 1e7) return -1;
  int decimals = 3 - static_cast<int>(std::floor(std::log10(greatest) + 1e-9));
  if (!halves.empty()) {
    const auto middle = halves.begin() + static_cast<std::ptrdiff_t>(halves.size() / 2);
    std::nth_element(halves.begin(), middle, halves.end());
    decimals = 1 - static_cast<int>(std::floor(std::log10(*middle) + 1e-9));
  }
  decimals = std::clamp(decimals, 0, kMostDecimals);
  // No zeros that all values end with: 0.9, not 0.9000.
  const auto suffices = [&](int fewer) {
    return std::all_of(values.begin(), values.end(), [&](const PageMeasure& value) {
      const double scaled = value.mean * std::pow(10, fewer);
      return !std::isfinite(scaled) ||
             std::abs(scaled - std::round(scaled)) < 0.5 * std::pow(10, fewer - decimals);
    });
  };
  while (halves.empty() && decimals > 0 && suffices(decimals - 1)) --decimals;
  return decimals;
}

// The column of that name from `begin` on; a new one, of `points` values, where there is none.
PageColumn& Named(const std::string& name, size_t begin, size_t points,
                  std::vector<PageColumn>& columns) {
  const auto found =
      std::find_if(columns.begin() + static_cast<std::ptrdiff_t>(begin), columns.end(),
                   [&](const PageColumn& column) { return column.name == name; });
  if (found != columns.end()) return *found;
  columns.push_back({name, 0, std::vector<PageMeasure>(points)});
  return columns.back();
}

}  // namespace

PageColumns ColumnsOf(const EvaluationPage& page) {
  const size_t points = page.points.size();
  PageColumns result;
  std::vector<PageColumn>& columns = result.columns;
  for (size_t i = 0; i < points; ++i) {
    for (const PageMeasure& reward : page.points[i].rewards)
      Named(reward.name, 0, points, columns).values[i] = reward;
  }
  result.rewards = columns.size();
  columns.push_back({"diversity", 0, std::vector<PageMeasure>(points)});
  for (size_t i = 0; i < points; ++i) columns.back().values[i] = page.points[i].diversity;
  for (size_t i = 0; i < points; ++i) {
    for (const auto& [name, value] : page.points[i].numbers)
      Named(name, result.rewards + 1, points, columns).values[i].mean = value;
  }
  for (PageColumn& column : columns) column.decimals = DecimalsOf(column.values);
  return result;
}

std::string ColumnNumber(double value, int decimals) {
  if (std::isnan(value)) return "\u2013";
  if (decimals < 0 || !std::isfinite(value)) return ShortNumber(value);
  std::string text = absl::StrFormat("%.*f", decimals, value);
  const bool zero = text.find_first_not_of("-0.") == std::string::npos;
  return zero && text[0] == '-' ? text.substr(1) : text;
}

std::vector<bool> ParetoSet(const EvaluationPage& page, const PageColumns& columns, size_t reward) {
  const size_t points = page.points.size();
  std::vector<bool> result(points);
  const std::vector<PageMeasure>& x = columns.columns[columns.rewards].values;
  const std::vector<PageMeasure>& y = columns.columns[reward].values;
  for (size_t i = 0; i < points; ++i) {
    if (reward == 0) {
      result[i] = page.points[i].pareto;
      continue;
    }
    result[i] = std::isfinite(x[i].mean) && std::isfinite(y[i].mean);
    for (size_t j = 0; j < points && result[i]; ++j) {
      const bool no_less = x[j].mean >= x[i].mean && y[j].mean >= y[i].mean;
      result[i] = !(no_less && (x[j].mean > x[i].mean || y[j].mean > y[i].mean));
    }
  }
  return result;
}

}  // namespace draftp
