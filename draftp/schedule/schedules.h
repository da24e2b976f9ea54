// All of draftp's schedules in one include, for programs; libraries include what they use.
#ifndef DRAFTP_SCHEDULE_SCHEDULES_H_
#define DRAFTP_SCHEDULE_SCHEDULES_H_

#include "draftp/schedule/kl_schedule.h"     // IWYU pragma: export
#include "draftp/schedule/learning_rate.h"   // IWYU pragma: export
#include "draftp/schedule/parse_weighing.h"  // IWYU pragma: export
#include "draftp/schedule/spacings.h"        // IWYU pragma: export

#endif  // DRAFTP_SCHEDULE_SCHEDULES_H_
