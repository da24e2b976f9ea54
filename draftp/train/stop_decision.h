// Whether a validation ends a training run.
#ifndef DRAFTP_TRAIN_STOP_DECISION_H_
#define DRAFTP_TRAIN_STOP_DECISION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "draftp/train/alarms.h"
#include "draftp/train/stop_rules.h"
#include "draftp/train/trainer_state.h"

namespace draftp {

// Takes the held-out reward of the validation after step state.step into `state`, and says by which
// of the rules the run ends, and why; empty: by none. `interval`: steps between validations, 1 or
// more, in which the age of the best is counted, so that a validation that is drawn again after a
// resume changes nothing. Another held-out reward than the state's has its best from here.
std::string EndsBy(const std::vector<AnyStopRule>& rules, const ValidationScores& scores,
                   int64_t interval, TrainerState& state);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_STOP_DECISION_H_
