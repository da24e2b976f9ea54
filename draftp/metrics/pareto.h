// Which points of a reward-diversity curve are worth choosing.
#ifndef DRAFTP_METRICS_PARETO_H_
#define DRAFTP_METRICS_PARETO_H_

#include <absl/status/statusor.h>

#include <cstddef>
#include <span>
#include <vector>

namespace draftp {

struct CurvePoint {
  double reward = 0, diversity = 0;  // more is better of both
};

// For each point whether no other dominates it: is at least as good in both and better in one.
// Equal points don't dominate each other. Errors: kFailedPrecondition for none, kDataLoss for a
// number that isn't finite, with its place. n log n.
absl::StatusOr<std::vector<bool>> ParetoSet(std::span<const CurvePoint> points);

// The index of the point with the best reward at no less than that diversity; of equal rewards the
// more diverse, of equal points the first. Errors as ParetoSet's; kNotFound where all are less
// diverse, says by how much.
absl::StatusOr<size_t> BestAt(std::span<const CurvePoint> points, double least_diversity);

}  // namespace draftp

#endif  // DRAFTP_METRICS_PARETO_H_
