#include "draftp/train/stop_decision.h"

#include <absl/strings/str_cat.h>

#include <cmath>

namespace draftp {

std::string EndsBy(const std::vector<AnyStopRule>& rules, const ValidationScores& scores,
                   int64_t interval, TrainerState& state) {
  const double held_out = scores.tuned.held_out;
  if (state.held_out != scores.held_out_name) state.best_held_out.reset();
  state.held_out = scores.held_out_name;
  if (std::isfinite(held_out) && (!state.best_held_out || held_out > *state.best_held_out)) {
    state.best_held_out = held_out;
    state.best_held_out_step = state.step;
  }
  ValidationFacts facts{.reward = scores.tuned.reward,
                        .diversity = scores.tuned.diversity,
                        .base_diversity = scores.base.diversity,
                        .held_out = held_out};
  if (state.best_held_out) {
    facts.best_held_out = *state.best_held_out;
    facts.since_best_held_out = state.step / interval - state.best_held_out_step / interval;
  }
  for (const AnyStopRule& rule : rules) {
    if (const std::string why = rule(facts); !why.empty())
      return absl::StrCat("--stop_when ", rule.name(), ": ", why);
  }
  return "";
}

}  // namespace draftp
