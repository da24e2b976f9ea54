#include "draftp/metrics/intervals.h"

#include <absl/strings/str_format.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <numbers>
#include <string_view>

namespace draftp {
namespace {

// P(T < t) for t = sqrt(degrees) tan(angle), angle in [0, pi/2].
double StudentCdf(double angle, int64_t degrees) {
  const double cosine = std::cos(angle), sine = std::sin(angle);
  const bool odd = degrees % 2 == 1;
  double term = odd ? cosine : 1.0, sum = 0;
  for (int64_t i = odd ? 1 : 0; i <= degrees - 2; i += 2) {
    sum += term;
    term *= cosine * cosine * static_cast<double>(i + 1) / static_cast<double>(i + 2);
  }
  const double both = odd ? 2 / std::numbers::pi * (angle + sine * sum) : sine * sum;
  return 0.5 + both / 2;
}

// The root of an increasing function.
template <class F>
double Bisect(double low, double high, F&& below) {
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (below(middle) ? low : high) = middle;
  }
  return (low + high) / 2;
}

double GaussianQuantile(double probability) {
  return Bisect(0, 40,
                [&](double z) { return std::erfc(z / std::numbers::sqrt2) / 2 > 1 - probability; });
}

// Linear between order statistics of sorted values: numpy's default.
double Quantile(const std::vector<double>& sorted, double probability) {
  const double place = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// Wilson's interval of `share` among so many pairs.
Interval Wilson(double share, double pairs, double confidence) {
  const double z = GaussianQuantile((1 + confidence) / 2), weight = z * z / pairs;
  const double middle = (share + weight / 2) / (1 + weight);
  const double half =
      z / (1 + weight) * std::sqrt(share * (1 - share) / pairs + weight / pairs / 4);
  return {share, middle - half, middle + half};
}

absl::Status CheckFinite(std::string_view name, const ValuesByPrompt& values) {
  for (size_t p = 0; p < values.size(); ++p) {
    for (size_t i = 0; i < values[p].size(); ++i) {
      if (std::isfinite(values[p][i])) continue;
      return absl::DataLossError(
          absl::StrFormat("%s: found %g for picture %d of prompt %d, expected a finite number",
                          name, values[p][i], i, p));
    }
  }
  return absl::OkStatus();
}

std::vector<int64_t> Sizes(const ValuesByPrompt& values) {
  std::vector<int64_t> sizes;
  for (const std::vector<double>& prompt : values) sizes.push_back(std::ssize(prompt));
  return sizes;
}

}  // namespace

double StudentQuantile(double probability, int64_t degrees) {
  TORCH_CHECK(probability > 0.5 && probability < 1 && degrees >= 1,
              "StudentQuantile: found probability ", probability, " and ", degrees,
              " degrees of freedom, expected one in (0.5, 1) and 1 or more");
  if (degrees > 10000) {
    const double z = GaussianQuantile(probability), n = static_cast<double>(degrees);
    const double squared = z * z;
    const double first = z * (squared + 1) / 4;
    const double second = z * ((5 * squared + 16) * squared + 3) / 96;
    return z + first / n + second / (n * n);
  }
  const double angle = Bisect(0, std::numbers::pi / 2, [&](double middle) {
    return StudentCdf(middle, degrees) < probability;
  });
  return std::sqrt(static_cast<double>(degrees)) * std::tan(angle);
}

Interval ScaledPercentiles(double estimate, std::vector<double> replicas, int64_t units,
                           double confidence) {
  TORCH_CHECK(units >= 2 && !replicas.empty(), "ScaledPercentiles: found ", units, " units and ",
              replicas.size(), " replicas, expected 2 and 1 or more");
  std::sort(replicas.begin(), replicas.end());
  const double tail = (1 - confidence) / 2, n = static_cast<double>(units);
  const double scale =
      std::sqrt(n / (n - 1)) * StudentQuantile(1 - tail, units - 1) / GaussianQuantile(1 - tail);
  return {.mean = estimate,
          .low = estimate + scale * (Quantile(replicas, tail) - estimate),
          .high = estimate + scale * (Quantile(replicas, 1 - tail) - estimate)};
}

absl::Status CheckBootstrap(std::span<const int64_t> sizes, const BootstrapOptions& options) {
  TORCH_CHECK(options.replicas >= 2 && options.confidence > 0 && options.confidence < 1,
              "BootstrapOptions: found ", options.replicas, " replicas and confidence ",
              options.confidence, ", expected 2 or more and one in (0, 1)");
  if (sizes.empty())
    return absl::FailedPreconditionError("interval: found no prompt, expected 1 or more");
  for (size_t p = 0; p < sizes.size(); ++p) {
    if (sizes[p] < 1) {
      return absl::FailedPreconditionError(
          absl::StrFormat("interval: found no picture of prompt %d, expected 1 or more", p));
    }
  }
  if (sizes.size() == 1 && sizes[0] == 1) {
    return absl::FailedPreconditionError(
        "interval: found 1 prompt with 1 picture, expected 2 prompts or 2 pictures");
  }
  return absl::OkStatus();
}

absl::StatusOr<Interval> MeanInterval(const ValuesByPrompt& values,
                                      const BootstrapOptions& options) {
  const absl::Status finite = CheckFinite("interval", values);
  if (!finite.ok()) return finite;
  const auto mean = [&](std::span<const DrawnPrompt> drawn) {
    double sum = 0;
    for (const auto& [prompt, pictures] : drawn) {
      double of_prompt = 0;
      for (const int64_t i : pictures)
        of_prompt += values[static_cast<size_t>(prompt)][static_cast<size_t>(i)];
      sum += of_prompt / static_cast<double>(pictures.size());
    }
    return sum / static_cast<double>(drawn.size());
  };
  return Bootstrap(Sizes(values), mean, options);
}

absl::StatusOr<Interval> WinRate(const ValuesByPrompt& point, const ValuesByPrompt& base,
                                 const BootstrapOptions& options) {
  const std::vector<int64_t> sizes = Sizes(point);
  TORCH_CHECK(sizes == Sizes(base), "WinRate: the point's pictures aren't those of base by prompt");
  for (const ValuesByPrompt* values : {&point, &base}) {
    const absl::Status finite = CheckFinite("win rate", *values);
    if (!finite.ok()) return finite;
  }
  ValuesByPrompt wins = point;
  double pairs = 0;
  for (size_t p = 0; p < wins.size(); ++p) {
    pairs += static_cast<double>(wins[p].size());
    for (size_t i = 0; i < wins[p].size(); ++i) {
      const double of_point = point[p][i], of_base = base[p][i];
      wins[p][i] = of_point > of_base ? 1.0 : of_point == of_base ? 0.5 : 0.0;
    }
  }
  auto interval = MeanInterval(wins, options);
  if (!interval.ok()) return interval;
  const Interval wilson = Wilson(interval->mean, pairs, options.confidence);
  interval->low = std::max(0.0, std::min(interval->low, wilson.low));
  interval->high = std::min(1.0, std::max(interval->high, wilson.high));
  return interval;
}

}  // namespace draftp
