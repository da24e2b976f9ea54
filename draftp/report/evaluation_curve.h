// The reward-diversity curve as a picture, and the look of a family in it.
#ifndef DRAFTP_REPORT_EVALUATION_CURVE_H_
#define DRAFTP_REPORT_EVALUATION_CURVE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "draftp/report/evaluation_columns.h"
#include "draftp/report/evaluation_page.h"

namespace draftp {

struct PageFamily {
  std::string name;
  std::string css;            // class with its colour: f0 to f7, or fbase for the base model alone
  std::string mark;           // <path>'s d, about (0, 0): seven shapes, so that 56 differ
  std::vector<size_t> along;  // points with a parameter, in its order
};

// In the order of their first points.
std::vector<PageFamily> FamiliesOf(const EvaluationPage& page);

// For each point, its place in `families`.
std::vector<size_t> FamilyOfPoints(const EvaluationPage& page,
                                   const std::vector<PageFamily>& families);

// An <svg> of reward over diversity. Each point is a <g class="point" data-point data-family>, at
// its means, with its intervals as bars; members of the Pareto set are filled and joined; points of
// a family with a parameter are joined thinly in its order; names stand beside points where there
// is room, those of the Pareto set first. A point that lacks one of its means isn't drawn. Colours
// come from the page's CSS. Without a point: a frame that says so.
std::string EvaluationCurveSvg(const EvaluationPage& page, const PageColumns& columns,
                               const std::vector<PageFamily>& families, size_t reward);

}  // namespace draftp

#endif  // DRAFTP_REPORT_EVALUATION_CURVE_H_
