// What was measured of an evaluation's points, as columns of one table.
#ifndef DRAFTP_REPORT_EVALUATION_COLUMNS_H_
#define DRAFTP_REPORT_EVALUATION_COLUMNS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "draftp/report/evaluation_page.h"

namespace draftp {

struct PageColumn {
  std::string name;
  int decimals = 0;                 // -1: four significant digits each
  std::vector<PageMeasure> values;  // one a point
};

struct PageColumns {
  std::vector<PageColumn> columns;  // rewards, diversity, numbers: each by its first appearance
  size_t rewards = 0;               // how many are rewards; diversity stands behind them
};

// Decimals are what shows two digits of the median interval's half, else four digits of the
// greatest value.
PageColumns ColumnsOf(const EvaluationPage& page);

// "31.63" with two decimals; "\u2013" for NaN.
std::string ColumnNumber(double value, int decimals);

// For each point, whether no other has at least as much of both rewards.columns[reward] and
// diversity, and more of one. Points that lack one of them: false. For the first reward: what the
// points themselves say.
std::vector<bool> ParetoSet(const EvaluationPage& page, const PageColumns& columns, size_t reward);

}  // namespace draftp

#endif  // DRAFTP_REPORT_EVALUATION_COLUMNS_H_
