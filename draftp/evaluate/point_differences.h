// By how much one point lies above another, with intervals.
#ifndef DRAFTP_EVALUATE_POINT_DIFFERENCES_H_
#define DRAFTP_EVALUATE_POINT_DIFFERENCES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "draftp/evaluate/point_measures.h"
#include "draftp/metrics/intervals.h"

namespace draftp {

struct PointDifference {
  size_t point = 0, from = 0;         // places of the two; `point` less `from`
  std::optional<Interval> reward;     // over pictures of the same noise (MeanInterval)
  std::optional<Interval> diversity;  // over the prompts that both have
};

// Of each two points the later less the earlier: (1, 0), (2, 0), (2, 1), (3, 0), ... What prompts
// and noises have in common is gone from these intervals, so that they tell points apart whose own
// intervals overlap. `reward`: its column of the scores. None where nothing is paired, or too
// little for an interval.
std::vector<PointDifference> Differences(std::span<const OrderedPoint* const> points, size_t reward,
                                         const BootstrapOptions& options);

}  // namespace draftp

#endif  // DRAFTP_EVALUATE_POINT_DIFFERENCES_H_
