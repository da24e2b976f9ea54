// The options of all training objectives, as settings have them.
#ifndef DRAFTP_OBJECTIVE_OBJECTIVE_OPTIONS_H_
#define DRAFTP_OBJECTIVE_OBJECTIVE_OPTIONS_H_

#include <algorithm>

namespace draftp {

// Each member's kOptions names those that it takes, by their flags.
struct ObjectiveOptions {
  int steps = 25;            // N
  int truncation_steps = 1;  // K
  int late_steps = 0;        // the random stop is among the last so many; 0: a quarter
  int copies = 2;
  double margin = 100.0;
  double weight = 1.0;
  bool normal_draw = false;  // truncation_draw: normal, or uniform

  int LateSteps() const { return late_steps > 0 ? late_steps : std::max(1, steps / 4); }
};

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_OBJECTIVE_OPTIONS_H_
