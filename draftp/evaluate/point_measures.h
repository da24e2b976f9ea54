// What a point of an evaluation is worth: every number of evaluation.json, from its pictures.
#ifndef DRAFTP_EVALUATE_POINT_MEASURES_H_
#define DRAFTP_EVALUATE_POINT_MEASURES_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "draftp/evaluate/point_pictures.h"
#include "draftp/metrics/intervals.h"

namespace draftp {

struct RewardMeasure {
  std::string name;
  Interval value;
  std::optional<Interval> win_rate = {};  // against base, by pairs of the same noise
};

// A metric that is one number, with its key in evaluation.json and a sentence on what it is.
struct MetricText {
  const char* key;
  const char* meaning;
};
// In the order of PointMeasures::numbers.
const std::vector<MetricText>& MetricTexts();

struct PointMeasures {
  int64_t images = 0, prompts = 0, pairs = 0;  // pairs: with base's of the same noise
  std::vector<RewardMeasure> rewards;
  std::optional<Interval> diversity = {};
  std::vector<std::optional<double>> numbers;  // as MetricTexts has them
  std::vector<std::string> missing;            // why a metric has no number, a line each
};

struct MeasureOptions {
  std::vector<std::string> reward_names;
  int64_t resamples = 2000;
};

// A point whose pictures are in order: prompt by prompt, as `prompts` of the evaluation has them.
struct OrderedPoint {
  PointPictures pictures;
  std::vector<int64_t> sizes;  // pictures of each prompt that it has any of
  std::vector<int> prompt_of;  // of each picture, its prompt's place in the evaluation's
};

// The captions of all points, in the order in which they are found.
std::vector<std::string> PromptsOf(const std::vector<PointPictures>& points);
OrderedPoint InOrder(PointPictures pictures, const std::vector<std::string>& prompts);

// Measures of `point`; `base` may be the same, or null where there is none. Too few pictures for a
// metric leave it out, and say so in `missing`; other errors are of files that changed meanwhile.
absl::StatusOr<PointMeasures> Measure(const OrderedPoint& point, const OrderedPoint* base,
                                      const MeasureOptions& options);

}  // namespace draftp

#endif  // DRAFTP_EVALUATE_POINT_MEASURES_H_
