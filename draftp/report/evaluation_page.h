// The page of an evaluation: the reward-diversity curve, with the pictures behind every point.
#ifndef DRAFTP_REPORT_EVALUATION_PAGE_H_
#define DRAFTP_REPORT_EVALUATION_PAGE_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace draftp {

// A number with its interval; NaN is what wasn't measured.
struct PageMeasure {
  std::string name = {};
  double mean = std::numeric_limits<double>::quiet_NaN();
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
};

// Pictures of two points with the same prompt and image started from the same noise.
struct PagePicture {
  int prompt = 0;              // its place in EvaluationPage::prompts
  int image = 0;               // which of the prompt's noises
  std::string original = {};   // file beside the page, by a relative path; empty: none
  std::string thumbnail = {};  // bytes of a JPEG (thumbnail.h); empty: none
  double score = std::numeric_limits<double>::quiet_NaN();  // by the first reward
};

// One way to draw, measured.
struct PagePoint {
  std::string name = {};
  std::string family = {};  // way to blend: one colour and one shape
  double parameter =
      std::numeric_limits<double>::quiet_NaN();  // its place in the family; NaN: none
  int64_t images = 0;
  bool pareto = false;   // no other point has more of the first reward and of diversity
  bool is_base = false;  // the base model
  std::vector<PageMeasure> rewards = {};  // the first is the one of the curve
  PageMeasure diversity = {};
  std::vector<std::pair<std::string, double>> numbers = {};  // whatever else was measured
  std::vector<PagePicture> pictures = {};
};

// Of two points, by their places: `point` less `from`.
struct PageDifference {
  size_t point = 0, from = 0;
  PageMeasure reward = {};  // the one of the curve
  PageMeasure diversity = {};
};

// All texts are plain.
struct EvaluationPage {
  std::string title = {};
  std::string summary = {};
  std::vector<std::string> prompts = {};
  std::vector<PagePoint> points = {};
  std::vector<PageDifference> differences = {};  // of any two, in any order
  std::vector<std::string> warnings = {};
  std::vector<std::pair<std::string, std::string>> settings = {};
  std::vector<std::pair<std::string, std::string>> explained = {};  // a column's name, one sentence
};

// The page: UTF-8, light or dark as the reader's system is, legible on a phone and on paper. Curve
// and table are there without script. With it, a point under the pointer or the keyboard's focus
// shows its numbers and pictures, two that are chosen stand side by side on the same noise with
// their differences, a slider goes along a family by its parameter, the table sorts. Thumbnails are
// in the page, and become elements when they are shown; originals are links. The page loads nothing
// but those originals (Content Security Policy). The same input gives the same bytes.
std::string RenderEvaluationPage(const EvaluationPage& page);

}  // namespace draftp

#endif  // DRAFTP_REPORT_EVALUATION_PAGE_H_
