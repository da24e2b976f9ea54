// Intervals of what is measured over prompts and seeds: a bootstrap over prompts that keeps its
// level with few of them, means, and win rates.
#ifndef DRAFTP_METRICS_INTERVALS_H_
#define DRAFTP_METRICS_INTERVALS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "draftp/objective/step_random.h"

namespace draftp {

struct Interval {
  double mean = 0;  // the estimate itself, from all pictures
  double low = 0, high = 0;
};

struct BootstrapOptions {
  int64_t replicas = 2000;  // 2 or more
  uint64_t seed = 0;
  double confidence = 0.95;  // above 0, below 1
};

// A prompt as a replica drew it: its index, and which of its pictures, an index each.
struct DrawnPrompt {
  int64_t prompt = 0;
  std::span<const int64_t> pictures;
};

// The quantile of Student's t with so many degrees of freedom (1 or more), to 1e-9 of scipy's up to
// 100 000 degrees; probability in (0.5, 1). By the finite series of Abramowitz and Stegun, 26.7.3
// and 26.7.4, above 10 000 degrees by the expansion 26.7.5.
double StudentQuantile(double probability, int64_t degrees);

// The interval around `estimate` from replicas of `units` that were drawn with replacement:
// estimate + c (q - estimate), q the percentiles (1 -+ confidence) / 2 of the replicas, linear
// between order statistics, and
//   c = sqrt(units / (units - 1)) t / z,
// t the quantile of Student's t with units - 1 degrees of freedom, z that of the Gaussian. A
// replica's variance is smaller by (units - 1) / units than the estimate's, and the Gaussian's
// tails are too light for a spread that is estimated from few: c puts both right, exactly so where
// the units' values are Gaussian, as the "expanded percentile" of Hesterberg, "What teachers should
// know about the bootstrap", The American Statistician 69 (2015), 371, does by other percentiles,
// which few units don't have.
Interval ScaledPercentiles(double estimate, std::vector<double> replicas, int64_t units,
                           double confidence);

// What a bootstrap of prompts with so many pictures each may draw: an error where it is nothing.
absl::Status CheckBootstrap(std::span<const int64_t> sizes, const BootstrapOptions& options);

// The interval of `statistic`, a smooth function of prompts and pictures much like a mean;
// statistic(std::span<const DrawnPrompt>) -> double, first called with everything once. sizes:
// pictures of each prompt.
//
// A replica draws prompts with replacement, each with all its pictures: these came from seeds of
// their own, so that what differs between prompts' values holds the seeds' chance already. Drawing
// pictures anew within a drawn prompt would count that twice (Davison and Hinkley, "Bootstrap
// methods and their application", 1997, 3.8): the interval of 6 prompts that are alike would be 1.5
// times as wide as it need be. It would also make pairs of one picture with itself, of which
// diversity knows nothing. With one prompt a replica draws its pictures with replacement, and the
// interval is one of the seeds alone; a replica for which the statistic is NaN is drawn again.
//
// Nominal 95% of a mean's interval, by simulation (intervals_test.cc: Gaussian prompts and
// pictures, 16 a prompt, any ratio of their spreads, 2000 trials): 94% to 95% with 12 and 6
// prompts, 95% with 3, with 2 and with one. The plain percentiles have 90%, 84%, 75% and 50%. With
// prompts as skewed as the exponential distribution, 6 of them, it is 88%. Same options, same
// interval on every machine. Errors: kFailedPrecondition without a prompt, with an empty one, with
// one picture in all; where most replicas have no value.
template <class Statistic>
absl::StatusOr<Interval> Bootstrap(std::span<const int64_t> sizes, Statistic&& statistic,
                                   const BootstrapOptions& options = {}) {
  const absl::Status status = CheckBootstrap(sizes, options);
  if (!status.ok()) return status;
  std::vector<std::vector<int64_t>> all;
  std::vector<DrawnPrompt> drawn;
  for (const int64_t size : sizes) {
    std::vector<int64_t>& indices = all.emplace_back();
    for (int64_t i = 0; i < size; ++i) indices.push_back(i);
  }
  for (size_t p = 0; p < all.size(); ++p) drawn.push_back({static_cast<int64_t>(p), all[p]});
  const double estimate = statistic(std::span<const DrawnPrompt>(drawn));
  StepRandom random(options.seed, 0, "bootstrap");
  const bool one = sizes.size() == 1;
  const int64_t units = one ? sizes[0] : static_cast<int64_t>(sizes.size());
  std::vector<int64_t> chosen(static_cast<size_t>(units));
  std::vector<double> replicas;
  for (int64_t tries = 0; std::ssize(replicas) < options.replicas; ++tries) {
    if (tries == 10 * options.replicas)
      return absl::FailedPreconditionError("bootstrap: most replicas have no value");
    for (int64_t& index : chosen) index = random.Uniform(0, units - 1);
    for (size_t p = 0; p < drawn.size() && !one; ++p)
      drawn[p] = {chosen[p], all[static_cast<size_t>(chosen[p])]};
    if (one) drawn[0].pictures = chosen;
    const double value = statistic(std::span<const DrawnPrompt>(drawn));
    if (!std::isnan(value)) replicas.push_back(value);
  }
  return ScaledPercentiles(estimate, std::move(replicas), units, options.confidence);
}

// Values by prompt, then by picture; prompts may differ in their number of pictures.
using ValuesByPrompt = std::vector<std::vector<double>>;

// The mean over prompts of the mean over each one's pictures, with its Bootstrap interval. For the
// difference of two points, give the differences of pictures of the same noise: what prompts have
// in common is then gone from the interval. Errors as Bootstrap's; kDataLoss for a value that isn't
// finite, with its place.
absl::StatusOr<Interval> MeanInterval(const ValuesByPrompt& values,
                                      const BootstrapOptions& options = {});

// The share of pairs (one prompt, one noise) in which the point's value is above base's, equal ones
// counted half, as MeanInterval has it: a mean over prompts. The interval is the bootstrap's,
// within [0, 1], widened where need be to hold Wilson's (Journal of the American Statistical
// Association 22, 1927, 209) of as many independent pairs, since 96 wins of 96 leave a bootstrap
// nothing to draw. By simulation (6 prompts of 16, logit-normal odds) 94% and more at nominal 95%.
// Errors as MeanInterval's; throws where the shapes differ.
absl::StatusOr<Interval> WinRate(const ValuesByPrompt& point, const ValuesByPrompt& base,
                                 const BootstrapOptions& options = {});

}  // namespace draftp

#endif  // DRAFTP_METRICS_INTERVALS_H_
