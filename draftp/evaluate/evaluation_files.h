// What an evaluation leaves: evaluation.json, evaluation.csv and report.html.
#ifndef DRAFTP_EVALUATE_EVALUATION_FILES_H_
#define DRAFTP_EVALUATE_EVALUATION_FILES_H_

#include <absl/status/status.h>

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "draftp/evaluate/point_differences.h"
#include "draftp/evaluate/point_measures.h"
#include "draftp/report/evaluation_page.h"

namespace draftp {

struct EvaluationPoint {
  std::string name, family;
  double parameter;    // NaN: none
  std::string folder;  // of its pictures, absolute
  OrderedPoint pictures = {};
  PointMeasures measures = {};
  bool pareto = false;  // no other point has more of the chosen reward and of diversity
};

struct Evaluation {
  std::string title, summary;
  std::vector<std::string> prompts;
  std::vector<std::string> reward_names;
  size_t chosen_reward = 0;                    // its place in them
  std::vector<EvaluationPoint> points;         // one named base first, where there is one
  std::optional<size_t> best = {};             // its place in them
  std::optional<double> least_diversity = {};  // of the best point
  std::vector<PointDifference> differences = {};
  std::vector<std::string> warnings = {};
  std::vector<std::pair<std::string, std::string>> settings = {};  // for the page
};

// Sets pareto and best, by the chosen reward and diversity; `least_diversity` is a share of base's.
// Points without a diversity, which have one picture a prompt, are left out.
void ChoosePoints(double least_diversity, Evaluation& evaluation);

// evaluation.json: `settings` (what repeats it), `identity`, `rewards`, `prompts`, `points`,
// `best`, `differences` and `warnings`. What wasn't measured is null.
nlohmann::ordered_json ToJson(const Evaluation& evaluation, const std::string& output_dir);

// A row a point: RFC 4180, the same numbers.
std::string ToCsv(const Evaluation& evaluation);

// With links to the pictures, relative to `output_dir`.
EvaluationPage ToPage(const Evaluation& evaluation, const std::string& output_dir);

}  // namespace draftp

#endif  // DRAFTP_EVALUATE_EVALUATION_FILES_H_
