// The pictures of two points that began with the same noise.
#ifndef DRAFTP_EVALUATE_PICTURE_PAIRS_H_
#define DRAFTP_EVALUATE_PICTURE_PAIRS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "draftp/evaluate/point_measures.h"
#include "draftp/metrics/intervals.h"

namespace draftp {

struct PicturePairs {
  std::vector<std::pair<int64_t, int64_t>> places;  // of the point, of the other
  std::vector<int> prompt_of;
};

// Where a point's pictures of one caption and one noise are: made once, asked for each other point.
class PicturePlaces {
 public:
  explicit PicturePlaces(const OrderedPoint& other);
  // Of `point`'s pictures those that the other has too, in the point's order.
  PicturePairs PairsOf(const OrderedPoint& point) const;

 private:
  std::map<std::pair<std::string, std::string>, int64_t> places_;
};

// value(i), i from 0, by prompt_of[i]: prompts ascending, without those that have none.
template <class F>
ValuesByPrompt ByPrompt(const std::vector<int>& prompt_of, F value) {
  std::map<int, std::vector<double>> groups;
  for (size_t i = 0; i < prompt_of.size(); ++i) groups[prompt_of[i]].push_back(value(i));
  ValuesByPrompt values;
  for (auto& [prompt, group] : groups) values.push_back(std::move(group));
  return values;
}

}  // namespace draftp

#endif  // DRAFTP_EVALUATE_PICTURE_PAIRS_H_
