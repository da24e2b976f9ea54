// KL schedules from text: the one list of all members, and ParseKlSchedule.
#ifndef DRAFTP_SCHEDULE_PARSE_KL_SCHEDULE_H_
#define DRAFTP_SCHEDULE_PARSE_KL_SCHEDULE_H_

#include <string>
#include <string_view>
#include <utility>

#include "draftp/schedule/constant_kl.h"
#include "draftp/schedule/form.h"
#include "draftp/schedule/kl_schedule.h"
#include "draftp/schedule/linear_kl.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/target_kl.h"
#include "draftp/schedule/term.h"

namespace draftp {

namespace schedule_text {

template <KlSchedule K>
Parsed<AnyKlSchedule> ReadKlSchedule(const Term& term) {
  Parsed<K> schedule = K::FromTerm(term);
  if (!schedule.ok()) return ParseError{schedule.error()};
  return AnyKlSchedule(*std::move(schedule));
}

// The members: a new one is a line here.
inline constexpr Form<AnyKlSchedule> kKlForms[] = {
    {"", "a number", "0.1", ReadKlSchedule<ConstantKl>},
    {"linear", "linear(from,to,steps)", "linear(1,0.1,2000)", ReadKlSchedule<LinearKl>},
    {"target", "target(kl,initial[,gain])", "target(0.05,1)", ReadKlSchedule<TargetKl>},
};

}  // namespace schedule_text

// The KL schedule that `text` names; docs/schedules.md has the syntax. Any bytes are safe; the
// error is one line that lists the valid forms.
inline Parsed<AnyKlSchedule> ParseKlSchedule(std::string_view text) {
  return schedule_text::ParseForm<AnyKlSchedule>("KL schedule", text, schedule_text::kKlForms);
}

// The texts that ParseKlSchedule takes.
inline std::string KlScheduleForms() {
  return schedule_text::ListForms<AnyKlSchedule>(schedule_text::kKlForms);
}

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_PARSE_KL_SCHEDULE_H_
