// Rows of training's settings whose types are the library's own.
#ifndef DRAFTP_TRAIN_SETTING_ROWS_H_
#define DRAFTP_TRAIN_SETTING_ROWS_H_

#include <vector>

#include "draftp/config/config_row.h"
#include "draftp/objective/align_prop.h"
#include "draftp/objective/kl_weight.h"
#include "draftp/schedule/kl_schedule.h"
#include "draftp/schedule/learning_rate.h"
#include "draftp/train/stop_rules.h"

namespace draftp {

// Schedules in the text of docs/schedules.md; a number is printed as one. A constant learning rate
// is from 1e-12 to 100.
ConfigRow<AnyKlSchedule> KlScheduleRow();
ConfigRow<AnyLearningRate> LearningRateRow();

// Stop rules, separated by commas or in a list; none is "not given".
ConfigRow<std::vector<AnyStopRule>> StopRulesRow();

ConfigRow<KlWeight> KlWeightRow();
ConfigRow<AlignProp::Draw> TruncationDrawRow();

}  // namespace draftp

#endif  // DRAFTP_TRAIN_SETTING_ROWS_H_
