// Noise levels from text: the one list of all members, and ParseNoiseLevels.
#ifndef DRAFTP_SCHEDULE_PARSE_NOISE_LEVELS_H_
#define DRAFTP_SCHEDULE_PARSE_NOISE_LEVELS_H_

#include <string>
#include <string_view>
#include <utility>

#include "draftp/schedule/any_noise_levels.h"
#include "draftp/schedule/edm_karras.h"
#include "draftp/schedule/form.h"
#include "draftp/schedule/leading_spacing.h"
#include "draftp/schedule/legacy_ddpm.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/term.h"
#include "draftp/schedule/trailing_spacing.h"

namespace draftp {

namespace schedule_text {

template <NamedNoiseLevels L>
Parsed<AnyNoiseLevels> ReadNoiseLevels(const Term& term, const TrainedLevels& trained) {
  Parsed<L> levels = L::FromTerm(term, trained);
  if (!levels.ok()) return ParseError{levels.error()};
  return AnyNoiseLevels(*std::move(levels));
}

// The members: a new one is a line here.
inline constexpr Form<AnyNoiseLevels, TrainedLevels> kNoiseLevelsForms[] = {
    {"legacy_ddpm", "legacy_ddpm", "legacy_ddpm", ReadNoiseLevels<LegacyDdpm>},
    {"edm", "edm[(smin,smax,rho)]", "edm(0.03,10,7)", ReadNoiseLevels<EdmKarras>},
    {"trailing", "trailing", "trailing", ReadNoiseLevels<TrailingSpacing>},
    {"leading", "leading[(steps_offset)]", "leading(1)", ReadNoiseLevels<LeadingSpacing>},
};

}  // namespace schedule_text

// The noise levels that `text` names, of a model that was trained on `trained`; docs/schedules.md
// has the syntax. Any bytes are safe; the error is one line that lists the valid forms.
inline Parsed<AnyNoiseLevels> ParseNoiseLevels(std::string_view text,
                                               const TrainedLevels& trained = {}) {
  return schedule_text::ParseForm<AnyNoiseLevels>("noise levels", text,
                                                  schedule_text::kNoiseLevelsForms, trained);
}

// The texts that ParseNoiseLevels takes.
inline std::string NoiseLevelsForms() {
  return schedule_text::ListForms<AnyNoiseLevels, TrainedLevels>(schedule_text::kNoiseLevelsForms);
}

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_PARSE_NOISE_LEVELS_H_
