// Coordinates: what a weighing function is a function of, as part of its type.
#ifndef DRAFTP_SCHEDULE_COORDINATE_H_
#define DRAFTP_SCHEDULE_COORDINATE_H_

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>

#include "draftp/schedule/ddpm_table.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// Semantics: Of(step) is in [kLowest, kHighest], and monotone over a run. kName is its name in
// text, after '@'; so StepWeighing<coordinate::Sigma>(2) is written step_2@sigma.
template <class X>
concept Coordinate = requires(const StepContext& step) {
  { X::Of(step) } -> std::same_as<double>;
  { X::kName } -> std::convertible_to<std::string_view>;
  { X::kLowest } -> std::convertible_to<double>;
  { X::kHighest } -> std::convertible_to<double>;
};

// A coordinate that runs within [0, 1], so that it may itself be a weight.
template <class X>
concept UnitCoordinate = Coordinate<X> && (X::kLowest >= 0) && (X::kHighest <= 1);

namespace coordinate {

// i/N: from 0 up to (N-1)/N. The default, and the coordinate of NeMo-Aligner's weight types.
struct StepFraction {
  static constexpr std::string_view kName = "step";
  static constexpr double kLowest = 0, kHighest = 1;
  static constexpr double Of(const StepContext& step) {
    return static_cast<double>(step.index) / step.total;
  }
};

// t/T, where t is the time index that the network is given: sigma snapped to the nearest of the T
// entries of the step's table. Falls, for T = 1000 from 0.999, towards 0.
struct Time {
  static constexpr std::string_view kName = "time";
  static constexpr double kLowest = 0, kHighest = 1;
  static double Of(const StepContext& step) {
    const DdpmTable& table = step.table != nullptr ? *step.table : DdpmTable::Standard();
    return static_cast<double>(table.NearestIndex(step.sigma)) / table.size();
  }
};

// The noise level itself; falls, for SDXL from about 14.6 to 0.03.
struct Sigma {
  static constexpr std::string_view kName = "sigma";
  static constexpr double kLowest = 0, kHighest = 1e6;
  static constexpr double Of(const StepContext& step) { return step.sigma; }
};

// Log signal-to-noise ratio log(1/sigma^2) = -2 ln sigma; rises, for SDXL from about -5.4 to 7.1.
struct LogSnr {
  static constexpr std::string_view kName = "logsnr";
  static constexpr double kLowest = -1e6, kHighest = 1e6;
  static double Of(const StepContext& step) { return -2 * std::log(step.sigma); }
};

}  // namespace coordinate

namespace schedule_text {

// "@sigma" for a weighing over sigma; empty for the default, the step fraction.
template <Coordinate X>
std::string CoordinateSuffix() {
  if constexpr (std::same_as<X, coordinate::StepFraction>) return "";
  return "@" + std::string(X::kName);
}

}  // namespace schedule_text

static_assert(UnitCoordinate<coordinate::StepFraction>, "i/N is in [0, 1)");
static_assert(UnitCoordinate<coordinate::Time>, "t/T is in [0, 1)");
static_assert(Coordinate<coordinate::Sigma> && !UnitCoordinate<coordinate::Sigma>,
              "sigma is a coordinate that isn't itself a weight");
static_assert(Coordinate<coordinate::LogSnr> && !UnitCoordinate<coordinate::LogSnr>,
              "log-SNR is a coordinate that isn't itself a weight");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_COORDINATE_H_
