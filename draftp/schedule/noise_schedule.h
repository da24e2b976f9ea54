// NoiseSchedule: the noise levels of a run, with the table that its network was trained on.
#ifndef DRAFTP_SCHEDULE_NOISE_SCHEDULE_H_
#define DRAFTP_SCHEDULE_NOISE_SCHEDULE_H_

#include <vector>

#include "draftp/schedule/ddpm_table.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

//   NoiseSchedule schedule{table, LegacyDdpm(table).Sigmas(25)};
struct NoiseSchedule {
  DdpmTable table;
  std::vector<double> sigmas;  // steps() + 1, descending to 0

  int steps() const { return static_cast<int>(sigmas.size()) - 1; }

  // StepAt(sigmas, index) of this table. The schedule must outlive it.
  StepContext Step(int index) const {
    StepContext step = StepAt(sigmas, index);
    step.table = &table;
    return step;
  }
};

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_NOISE_SCHEDULE_H_
