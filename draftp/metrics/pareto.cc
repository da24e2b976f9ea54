#include "draftp/metrics/pareto.h"

#include <absl/status/status.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <tuple>

namespace draftp {
namespace {

absl::Status CheckPoints(std::span<const CurvePoint> points) {
  if (points.empty())
    return absl::FailedPreconditionError("reward-diversity curve: there is no point, 1 is needed");
  for (size_t i = 0; i < points.size(); ++i) {
    if (std::isfinite(points[i].reward) && std::isfinite(points[i].diversity)) continue;
    return absl::DataLossError(absl::StrFormat(
        "reward-diversity curve: found reward %g and diversity %g of point %d, expected numbers",
        points[i].reward, points[i].diversity, i));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<bool>> ParetoSet(std::span<const CurvePoint> points) {
  const absl::Status status = CheckPoints(points);
  if (!status.ok()) return status;
  std::vector<size_t> order(points.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto key = [&](size_t i) { return std::tuple(-points[i].reward, -points[i].diversity); };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  // From the best reward down, a point stays if it is more diverse than all before it, or equals
  // the last that was.
  std::vector<bool> kept(points.size());
  double most = -std::numeric_limits<double>::infinity(), reward_of_most = 0;
  for (const size_t i : order) {
    const auto& [reward, diversity] = points[i];
    kept[i] = diversity > most || (diversity == most && reward == reward_of_most);
    if (diversity > most) most = diversity, reward_of_most = reward;
  }
  return kept;
}

absl::StatusOr<size_t> BestAt(std::span<const CurvePoint> points, double least_diversity) {
  const absl::Status status = CheckPoints(points);
  if (!status.ok()) return status;
  std::optional<size_t> best;
  double most = points[0].diversity;
  for (size_t i = 0; i < points.size(); ++i) {
    most = std::max(most, points[i].diversity);
    if (points[i].diversity < least_diversity) continue;
    const auto key = [&](size_t j) { return std::tuple(points[j].reward, points[j].diversity); };
    if (!best || key(i) > key(*best)) best = i;
  }
  if (best) return *best;
  return absl::NotFoundError(
      absl::StrFormat("no point has a diversity of %g or more, the most diverse one has %g",
                      least_diversity, most));
}

}  // namespace draftp
