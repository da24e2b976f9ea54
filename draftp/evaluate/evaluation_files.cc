#include "draftp/evaluate/evaluation_files.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "draftp/metrics/pareto.h"

namespace draftp {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

using Json = nlohmann::ordered_json;

Json NumberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json ToJson(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return {{"mean", NumberOrNull(interval->mean)},
          {"low", NumberOrNull(interval->low)},
          {"high", NumberOrNull(interval->high)}};
}

std::string RelativePath(const std::string& path, const std::string& output_dir) {
  return std::filesystem::path(path).lexically_relative(output_dir).generic_string();
}

Json PointJson(const EvaluationPoint& point, const std::string& output_dir) {
  const PointMeasures& measures = point.measures;
  Json json = {{"name", point.name},
               {"family", point.family},
               {"parameter", NumberOrNull(point.parameter)},
               {"pictures", RelativePath(point.folder, output_dir)},
               {"images", measures.images},
               {"prompts", measures.prompts},
               {"pairs_with_base", measures.pairs}};
  for (const RewardMeasure& reward : measures.rewards) {
    Json entry = ToJson(std::optional(reward.value));
    entry["win_rate"] = ToJson(reward.win_rate);
    json["rewards"][reward.name] = std::move(entry);
  }
  json["diversity"] = ToJson(measures.diversity);
  for (size_t i = 0; i < MetricTexts().size(); ++i)
    json[MetricTexts()[i].key] = NumberOrNull(measures.numbers[i].value_or(kNone));
  json["pareto"] = point.pareto;
  return json;
}

Json DifferenceJson(const PointDifference& difference, const Evaluation& evaluation) {
  return {{"point", evaluation.points[difference.point].name},
          {"from", evaluation.points[difference.from].name},
          {"reward", ToJson(difference.reward)},
          {"diversity", ToJson(difference.diversity)}};
}

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

std::string CsvNumber(double value) {
  return std::isfinite(value) ? absl::StrFormat("%.9g", value) : "";
}

void AddInterval(const std::string& name, const std::optional<Interval>& interval,
                 std::vector<std::pair<std::string, std::string>>& row) {
  const Interval shown = interval.value_or(Interval{kNone, kNone, kNone});
  row.emplace_back(name, CsvNumber(shown.mean));
  row.emplace_back(name + "_low", CsvNumber(shown.low));
  row.emplace_back(name + "_high", CsvNumber(shown.high));
}

// Column and value.
std::vector<std::pair<std::string, std::string>> CsvRow(const EvaluationPoint& point) {
  std::vector<std::pair<std::string, std::string>> row = {
      {"name", point.name},
      {"family", point.family},
      {"parameter", CsvNumber(point.parameter)},
      {"images", absl::StrCat(point.measures.images)}};
  for (const RewardMeasure& reward : point.measures.rewards) {
    AddInterval(reward.name, reward.value, row);
    AddInterval(reward.name + "_win_rate", reward.win_rate, row);
  }
  AddInterval("diversity", point.measures.diversity, row);
  for (size_t i = 0; i < MetricTexts().size(); ++i)
    row.emplace_back(MetricTexts()[i].key, CsvNumber(point.measures.numbers[i].value_or(kNone)));
  row.emplace_back("pareto", point.pareto ? "1" : "0");
  return row;
}

PageMeasure ToMeasure(const std::string& name, const std::optional<Interval>& interval) {
  if (!interval) return {.name = name};
  return {.name = name, .mean = interval->mean, .low = interval->low, .high = interval->high};
}

// Numbers a prompt's noises in the order in which they are found, the same for all points.
class NoiseNumbers {
 public:
  int Of(int prompt, const std::string& noise) {
    auto& numbers = by_prompt_[prompt];
    return numbers.try_emplace(noise, static_cast<int>(numbers.size())).first->second;
  }

 private:
  std::map<int, std::map<std::string, int>> by_prompt_;
};

PagePoint ToPagePoint(const EvaluationPoint& point, const Evaluation& evaluation,
                      const std::string& output_dir, NoiseNumbers& noises) {
  PagePoint shown{.name = point.name,
                  .family = point.family,
                  .parameter = point.parameter,
                  .images = point.measures.images,
                  .pareto = point.pareto,
                  .is_base = point.name == "base",
                  .diversity = ToMeasure("diversity", point.measures.diversity)};
  const auto& rewards = point.measures.rewards;
  const size_t chosen = evaluation.chosen_reward;
  const auto add = [&](const RewardMeasure& reward) {
    shown.rewards.push_back(ToMeasure(reward.name, reward.value));
  };
  add(rewards[chosen]);
  for (size_t r = 0; r < rewards.size(); ++r) {
    if (r != chosen) add(rewards[r]);
  }
  for (const RewardMeasure& reward : rewards) {
    shown.numbers.emplace_back(reward.name + " win rate",
                               reward.win_rate ? reward.win_rate->mean : kNone);
  }
  for (size_t i = 0; i < MetricTexts().size(); ++i)
    shown.numbers.emplace_back(MetricTexts()[i].key, point.measures.numbers[i].value_or(kNone));
  const at::Tensor scores =
      point.pictures.pictures.scores.rewards.select(1, static_cast<int64_t>(chosen)).contiguous();
  for (size_t i = 0; i < point.pictures.pictures.pictures.size(); ++i) {
    const PointPicture& picture = point.pictures.pictures.pictures[i];
    const int prompt = point.pictures.prompt_of[i];
    shown.pictures.push_back({.prompt = prompt,
                              .image = noises.Of(prompt, picture.noise),
                              .original = RelativePath(picture.path, output_dir),
                              .thumbnail = picture.thumbnail,
                              .score = scores.const_data_ptr<double>()[i]});
  }
  return shown;
}

}  // namespace

void ChoosePoints(double least_diversity, Evaluation& evaluation) {
  std::vector<CurvePoint> curve;
  std::vector<size_t> places;
  for (size_t i = 0; i < evaluation.points.size(); ++i) {
    const PointMeasures& measures = evaluation.points[i].measures;
    if (!measures.diversity) continue;
    curve.push_back({.reward = measures.rewards[evaluation.chosen_reward].value.mean,
                     .diversity = measures.diversity->mean});
    places.push_back(i);
    if (evaluation.points[i].name == "base")
      evaluation.least_diversity = least_diversity * measures.diversity->mean;
  }
  if (curve.empty()) return;
  const auto pareto = ParetoSet(curve);
  for (size_t i = 0; pareto.ok() && i < places.size(); ++i)
    evaluation.points[places[i]].pareto = (*pareto)[i];
  if (!evaluation.least_diversity) return;
  if (const auto best = BestAt(curve, *evaluation.least_diversity); best.ok())
    evaluation.best = places[*best];
}

nlohmann::ordered_json ToJson(const Evaluation& evaluation, const std::string& output_dir) {
  Json json = {{"rewards", evaluation.reward_names},
               {"chosen_reward", evaluation.reward_names[evaluation.chosen_reward]},
               {"prompts", evaluation.prompts},
               {"points", Json::array()}};
  for (const EvaluationPoint& point : evaluation.points)
    json["points"].push_back(PointJson(point, output_dir));
  json["best"] = nullptr;
  if (evaluation.best) {
    json["best"] = {{"name", evaluation.points[*evaluation.best].name},
                    {"least_diversity", *evaluation.least_diversity}};
  }
  json["differences"] = Json::array();
  for (const PointDifference& difference : evaluation.differences)
    json["differences"].push_back(DifferenceJson(difference, evaluation));
  json["warnings"] = evaluation.warnings;
  return json;
}

std::string ToCsv(const Evaluation& evaluation) {
  std::string csv;
  for (const EvaluationPoint& point : evaluation.points) {
    std::vector<std::string> names, values;
    for (const auto& [name, value] : CsvRow(point)) {
      names.push_back(CsvField(name));
      values.push_back(CsvField(value));
    }
    if (csv.empty()) absl::StrAppend(&csv, absl::StrJoin(names, ","), "\r\n");
    absl::StrAppend(&csv, absl::StrJoin(values, ","), "\r\n");
  }
  return csv;
}

EvaluationPage ToPage(const Evaluation& evaluation, const std::string& output_dir) {
  EvaluationPage page{.title = evaluation.title,
                      .summary = evaluation.summary,
                      .prompts = evaluation.prompts,
                      .warnings = evaluation.warnings,
                      .settings = evaluation.settings};
  NoiseNumbers noises;
  for (const EvaluationPoint& point : evaluation.points)
    page.points.push_back(ToPagePoint(point, evaluation, output_dir, noises));
  for (const PointDifference& difference : evaluation.differences) {
    page.differences.push_back({difference.point, difference.from,
                                ToMeasure("reward", difference.reward),
                                ToMeasure("diversity", difference.diversity)});
  }
  page.explained = {
      {"diversity", "1 minus the mean cosine of the embeddings of two pictures of one prompt"}};
  for (const std::string& name : evaluation.reward_names) {
    page.explained.emplace_back(name + " win rate",
                                "share of the pictures that score above base's of the same noise");
  }
  for (const MetricText& text : MetricTexts()) page.explained.emplace_back(text.key, text.meaning);
  return page;
}

}  // namespace draftp
