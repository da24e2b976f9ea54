// Round numbers along an axis, and short forms of numbers. The standard library only.
#ifndef DRAFTP_REPORT_AXIS_TICKS_H_
#define DRAFTP_REPORT_AXIS_TICKS_H_

#include <string>
#include <vector>

namespace draftp {

struct AxisTicks {
  std::vector<double> values;       // ascending, within the axis
  std::vector<std::string> labels;  // one each, all to the same precision
};

// Multiples of 1, 2 or 5 times a power of ten from low to high, both finite and low < high; at most
// `most` + 1 of them. From 10000 on, labels are in thousands (k), millions (M) or billions (G);
// beyond that and below 0.0001 in powers of ten, as "2e-5".
AxisTicks RoundTicks(double low, double high, int most);

// As RoundTicks, but whole numbers alone, of low <= high: for steps. None where no whole number
// lies between them.
AxisTicks WholeTicks(double low, double high, int most);

// Four significant digits: "30.41", "0.0001", "1.2e-7", "nan".
std::string ShortNumber(double value);

}  // namespace draftp

#endif  // DRAFTP_REPORT_AXIS_TICKS_H_
