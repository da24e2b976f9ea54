// Chooses the distance of ticks and how their numbers are written.
#include "draftp/report/axis_ticks.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace draftp {
namespace {

std::string Fixed(double value, int decimals) {
  char text[400];
  std::snprintf(text, sizeof(text), "%.*f", decimals, value);
  return text;
}

int Exponent(double value) { return static_cast<int>(std::floor(std::log10(value) + 1e-9)); }

// The least 1, 2 or 5 times a power of ten that is no less than `distance`.
double RoundStep(double distance) {
  const double power = std::pow(10, Exponent(distance));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= distance * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

struct Scale {
  double divisor;
  std::string suffix;
};

// How numbers up to `magnitude` are written.
Scale ScaleFor(double magnitude) {
  if (magnitude >= 1e15 || (magnitude > 0 && magnitude < 1e-4)) {
    const int exponent = Exponent(magnitude);
    return {std::pow(10, exponent), "e" + std::to_string(exponent)};
  }
  if (magnitude >= 1e9) return {1e9, "G"};
  if (magnitude >= 1e6) return {1e6, "M"};
  if (magnitude >= 1e4) return {1e3, "k"};
  return {1, ""};
}

// Multiples of `step` from low to high.
AxisTicks Multiples(double step, double low, double high) {
  const auto first = static_cast<int64_t>(std::ceil(low / step - 1e-6));
  const auto last = static_cast<int64_t>(std::floor(high / step + 1e-6));
  const Scale scale = ScaleFor(std::max(std::abs(low), std::abs(high)));
  const int decimals = std::clamp(-Exponent(step / scale.divisor), 0, 15);
  AxisTicks ticks;
  for (int64_t number = first; number <= last; ++number) {
    const double value = static_cast<double>(number) * step;
    ticks.values.push_back(value);
    ticks.labels.push_back(number == 0 ? "0"
                                       : Fixed(value / scale.divisor, decimals) + scale.suffix);
  }
  return ticks;
}

}  // namespace

AxisTicks RoundTicks(double low, double high, int most) {
  return Multiples(RoundStep((high - low) / most), low, high);
}

AxisTicks WholeTicks(double low, double high, int most) {
  constexpr double kLargest = 1e15;  // beyond it, doubles of a range of few have no steps of 1
  if (std::max(std::abs(low), std::abs(high)) > kLargest)
    return low < high ? RoundTicks(low, high, most) : AxisTicks{};
  return Multiples(high - low > most ? RoundStep((high - low) / most) : 1.0, low, high);
}

std::string ShortNumber(double value) {
  if (std::isnan(value)) return "nan";
  char text[64];
  std::snprintf(text, sizeof(text), "%.4g", value);
  std::string number = text;
  const size_t exponent = number.find('e');
  if (exponent == std::string::npos) return number;
  return number.substr(0, exponent + 1) + std::to_string(std::stoi(number.substr(exponent + 1)));
}

}  // namespace draftp
