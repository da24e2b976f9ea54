#include "draftp/evaluate/point_measures.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "draftp/evaluate/picture_pairs.h"
#include "draftp/io/png.h"
#include "draftp/kernels/cpu/thread_pool.h"
#include "draftp/metrics/distances.h"
#include "draftp/metrics/diversity.h"
#include "draftp/metrics/manifolds.h"
#include "draftp/metrics/pixels.h"

namespace draftp {
namespace {

// Collects numbers; what can't be measured is told once.
class Numbers {
 public:
  explicit Numbers(PointMeasures& measures) : measures_(measures) {
    measures_.numbers.assign(MetricTexts().size(), std::nullopt);
  }
  void Set(const std::string& key, double value) {
    const auto& texts = MetricTexts();
    const auto text =
        std::ranges::find_if(texts, [&](const MetricText& t) { return key == t.key; });
    measures_.numbers.at(static_cast<size_t>(text - texts.begin())) = value;
  }
  // Whether there is a value.
  bool Ok(const absl::Status& status) {
    if (status.ok()) return true;
    const std::string line(status.message());
    if (std::ranges::find(measures_.missing, line) == measures_.missing.end())
      measures_.missing.push_back(line);
    return false;
  }

 private:
  PointMeasures& measures_;
};

void MeasureRewards(const OrderedPoint& point, const OrderedPoint* base, const PicturePairs& pairs,
                    const MeasureOptions& options, Numbers& numbers, PointMeasures& measures) {
  const BootstrapOptions bootstrap{.replicas = options.resamples};
  const at::Tensor scores = point.pictures.scores.rewards.contiguous();
  const auto score = [&](const at::Tensor& rewards, int64_t i, size_t r) {
    return rewards.const_data_ptr<double>()[i * rewards.size(1) + static_cast<int64_t>(r)];
  };
  for (size_t r = 0; r < options.reward_names.size(); ++r) {
    const ValuesByPrompt values = ByPrompt(
        point.prompt_of, [&](size_t i) { return score(scores, static_cast<int64_t>(i), r); });
    const auto interval = MeanInterval(values, bootstrap);
    RewardMeasure reward{.name = options.reward_names[r], .value = {}};
    if (numbers.Ok(interval.status())) {
      reward.value = *interval;
    } else {  // one picture: no interval around it
      const double mean = scores.select(1, static_cast<int64_t>(r)).mean().item<double>();
      reward.value = {mean, mean, mean};
    }
    if (base != nullptr && base != &point && !pairs.places.empty()) {
      const at::Tensor base_scores = base->pictures.scores.rewards.contiguous();
      const auto win_rate =
          WinRate(ByPrompt(pairs.prompt_of,
                           [&](size_t i) { return score(scores, pairs.places[i].first, r); }),
                  ByPrompt(pairs.prompt_of,
                           [&](size_t i) { return score(base_scores, pairs.places[i].second, r); }),
                  bootstrap);
      if (numbers.Ok(win_rate.status())) reward.win_rate = *win_rate;
    }
    measures.rewards.push_back(std::move(reward));
  }
}

void MeasureSpread(const OrderedPoint& point, const MeasureOptions& options, Numbers& numbers,
                   PointMeasures& measures) {
  const at::Tensor& embeddings = point.pictures.scores.embeddings;
  const auto diversity =
      DiversityInterval(embeddings, point.sizes, {.replicas = options.resamples});
  if (numbers.Ok(diversity.status())) measures.diversity = *diversity;
  const auto vendi = VendiScore(embeddings, point.sizes);
  if (!numbers.Ok(vendi.status())) return;
  numbers.Set("vendi", vendi->per_prompt);
  numbers.Set("vendi_overall", vendi->overall);
}

void MeasureDistances(const OrderedPoint& point, const OrderedPoint& base, Numbers& numbers) {
  const at::Tensor& own = point.pictures.scores.embeddings;
  const at::Tensor& others = base.pictures.scores.embeddings;
  if (const auto frechet = FrechetDistance(own, others); numbers.Ok(frechet.status()))
    numbers.Set("frechet_distance", frechet->distance);
  if (const auto cmmd = Cmmd(own, others); numbers.Ok(cmmd.status())) numbers.Set("cmmd", *cmmd);
  for (const auto& [k, suffix] : {std::pair<int64_t, const char*>(3, ""), {5, "_k5"}}) {
    const auto scores = CompareManifolds(own, others, k);
    if (!numbers.Ok(scores.status())) continue;
    numbers.Set(absl::StrCat("recall", suffix), scores->recall);
    numbers.Set(absl::StrCat("precision", suffix), scores->precision);
    numbers.Set(absl::StrCat("density", suffix), scores->density);
    numbers.Set(absl::StrCat("coverage", suffix), scores->coverage);
  }
}

absl::StatusOr<double> DriftOfFiles(const std::string& picture, const std::string& base) {
  const auto own = ReadPng(picture);
  if (!own.ok()) return own.status();
  const auto reference = ReadPng(base);
  if (!reference.ok()) return reference.status();
  return SameNoiseDrift(own->image, reference->image);
}

absl::Status MeasureDrift(const OrderedPoint& point, const OrderedPoint& base,
                          const PicturePairs& pairs, Numbers& numbers) {
  if (&point == &base) {
    numbers.Set("drift", 0);
    return absl::OkStatus();
  }
  std::vector<absl::StatusOr<double>> each(pairs.places.size());
  cpu::ParallelFor(std::ssize(each), 1, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const auto& [own, other] = pairs.places[i];
      each[i] = DriftOfFiles(point.pictures.pictures[static_cast<size_t>(own)].path,
                             base.pictures.pictures[static_cast<size_t>(other)].path);
    }
  });
  std::vector<double> drifts;
  for (const auto& drift : each) {
    if (absl::IsFailedPrecondition(drift.status())) {  // of another size
      numbers.Ok(drift.status());
      return absl::OkStatus();
    }
    if (!drift.ok()) return drift.status();
    drifts.push_back(*drift);
  }
  if (drifts.empty()) return absl::OkStatus();
  const auto drift = DriftOfSet(drifts);
  if (numbers.Ok(drift.status())) numbers.Set("drift", *drift);
  return absl::OkStatus();
}

void MeasureAllPixels(const OrderedPoint& point, Numbers& numbers) {
  std::vector<PixelStatistics> each;
  for (const PointPicture& picture : point.pictures.pictures) each.push_back(picture.pixels);
  const auto mean = MeanPixelStatistics(each);
  if (!numbers.Ok(mean.status())) return;
  numbers.Set("clamped", mean->clamped);
  numbers.Set("dark", mean->dark);
  numbers.Set("saturation", mean->saturation);
  numbers.Set("edge_density", mean->edge_density);
  numbers.Set("colour_entropy", mean->colour_entropy);
}

}  // namespace

const std::vector<MetricText>& MetricTexts() {
  static const auto* const texts = new std::vector<MetricText>{
      {"vendi", "effective number of different pictures of a prompt, the mean over prompts"},
      {"vendi_overall", "effective number of different pictures of all prompts"},
      {"frechet_distance", "between the embeddings' Gaussians and those of base's pictures"},
      {"cmmd", "1000 times the squared maximum mean discrepancy to base's embeddings"},
      {"recall", "share of base's pictures within reach of these (3 neighbours)"},
      {"precision", "share of pictures within reach of base's (3 neighbours)"},
      {"density", "how many of base's neighbourhoods hold a picture, on average (3 neighbours)"},
      {"coverage", "share of base's neighbourhoods that hold a picture (3 neighbours)"},
      {"recall_k5", "recall with 5 neighbours"},
      {"precision_k5", "precision with 5 neighbours"},
      {"density_k5", "density with 5 neighbours"},
      {"coverage_k5", "coverage with 5 neighbours"},
      {"drift", "root mean square difference to base's pictures of the same noise, of 255"},
      {"clamped", "share of channel values that are 0 or 255"},
      {"dark", "share of pixels with a luma below a tenth"},
      {"saturation", "mean saturation (HSV)"},
      {"edge_density", "share of pixels on an edge"},
      {"colour_entropy", "bits of the histogram of 512 colours"}};
  return *texts;
}

std::vector<std::string> PromptsOf(const std::vector<PointPictures>& points) {
  std::vector<std::string> prompts;
  std::set<std::string> seen;
  for (const PointPictures& point : points) {
    for (const PointPicture& picture : point.pictures) {
      if (seen.insert(picture.caption).second) prompts.push_back(picture.caption);
    }
  }
  return prompts;
}

OrderedPoint InOrder(PointPictures pictures, const std::vector<std::string>& prompts) {
  std::map<std::string, int> place;
  for (size_t p = 0; p < prompts.size(); ++p) place.emplace(prompts[p], static_cast<int>(p));
  std::vector<int64_t> order(pictures.pictures.size());
  std::iota(order.begin(), order.end(), 0);
  const auto prompt_of = [&](int64_t i) {
    return place.at(pictures.pictures[static_cast<size_t>(i)].caption);
  };
  std::ranges::stable_sort(order, {}, prompt_of);
  OrderedPoint ordered;
  std::map<int, int64_t> sizes;
  for (const int64_t i : order) {
    ordered.prompt_of.push_back(prompt_of(i));
    ++sizes[ordered.prompt_of.back()];
    ordered.pictures.pictures.push_back(pictures.pictures[static_cast<size_t>(i)]);
  }
  for (const auto& [prompt, size] : sizes) ordered.sizes.push_back(size);
  const at::Tensor rows = at::tensor(order);
  ordered.pictures.scores = {.rewards = pictures.scores.rewards.index_select(0, rows),
                             .embeddings = pictures.scores.embeddings.index_select(0, rows)};
  return ordered;
}

absl::StatusOr<PointMeasures> Measure(const OrderedPoint& point, const OrderedPoint* base,
                                      const MeasureOptions& options) {
  PointMeasures measures{.images = static_cast<int64_t>(point.pictures.pictures.size()),
                         .prompts = static_cast<int64_t>(point.sizes.size()),
                         .rewards = {},
                         .numbers = {},
                         .missing = {}};
  Numbers numbers(measures);
  const PicturePairs pairs = base != nullptr ? PicturePlaces(*base).PairsOf(point) : PicturePairs{};
  measures.pairs = static_cast<int64_t>(pairs.places.size());
  MeasureRewards(point, base, pairs, options, numbers, measures);
  MeasureSpread(point, options, numbers, measures);
  if (base != nullptr) {
    MeasureDistances(point, *base, numbers);
    if (absl::Status drift = MeasureDrift(point, *base, pairs, numbers); !drift.ok()) return drift;
  }
  MeasureAllPixels(point, numbers);
  return measures;
}

}  // namespace draftp
