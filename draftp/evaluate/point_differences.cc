#include "draftp/evaluate/point_differences.h"

#include <map>
#include <utility>

#include "draftp/evaluate/picture_pairs.h"
#include "draftp/kernels/cpu/thread_pool.h"
#include "draftp/metrics/diversity.h"

namespace draftp {
namespace {

// What differences of a point are made of.
struct Prepared {
  const OrderedPoint* point;
  PicturePlaces places;
  at::Tensor rewards;               // [n] f64
  std::map<int, double> diversity;  // by prompt; empty: too few pictures
};

Prepared Prepare(const OrderedPoint& point, size_t reward) {
  Prepared prepared{
      .point = &point,
      .places = PicturePlaces(point),
      .rewards = point.pictures.scores.rewards.select(1, static_cast<int64_t>(reward)).contiguous(),
      .diversity = {}};
  const auto diversities = PromptDiversities(point.pictures.scores.embeddings, point.sizes);
  if (!diversities.ok()) return prepared;
  size_t prompt = 0;
  for (size_t i = 0; i < point.prompt_of.size(); ++i) {
    if (i > 0 && point.prompt_of[i] != point.prompt_of[i - 1]) ++prompt;
    prepared.diversity[point.prompt_of[i]] = (*diversities)[prompt];
  }
  return prepared;
}

std::optional<Interval> Found(const absl::StatusOr<Interval>& interval) {
  return interval.ok() ? std::optional(*interval) : std::nullopt;
}

std::optional<Interval> RewardDifference(const Prepared& point, const Prepared& from,
                                         const BootstrapOptions& options) {
  const PicturePairs pairs = from.places.PairsOf(*point.point);
  const double* const own = point.rewards.const_data_ptr<double>();
  const double* const other = from.rewards.const_data_ptr<double>();
  return Found(MeanInterval(ByPrompt(pairs.prompt_of,
                                     [&](size_t i) {
                                       const auto& [a, b] = pairs.places[i];
                                       return own[a] - other[b];
                                     }),
                            options));
}

std::optional<Interval> DiversityDifference(const Prepared& point, const Prepared& from,
                                            const BootstrapOptions& options) {
  ValuesByPrompt differences;
  for (const auto& [prompt, diversity] : point.diversity) {
    const auto other = from.diversity.find(prompt);
    if (other != from.diversity.end()) differences.push_back({diversity - other->second});
  }
  return Found(MeanInterval(differences, options));
}

}  // namespace

std::vector<PointDifference> Differences(std::span<const OrderedPoint* const> points, size_t reward,
                                         const BootstrapOptions& options) {
  std::vector<Prepared> prepared;
  std::vector<PointDifference> differences;
  for (size_t i = 0; i < points.size(); ++i) {
    prepared.push_back(Prepare(*points[i], reward));
    for (size_t j = 0; j < i; ++j) differences.push_back({i, j, {}, {}});
  }
  cpu::ParallelFor(std::ssize(differences), 1, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      PointDifference& difference = differences[i];
      const Prepared& point = prepared[difference.point];
      const Prepared& from = prepared[difference.from];
      difference.reward = RewardDifference(point, from, options);
      difference.diversity = DiversityDifference(point, from, options);
    }
  });
  return differences;
}

}  // namespace draftp
