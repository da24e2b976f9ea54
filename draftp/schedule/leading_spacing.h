// The noise levels of a diffusers checkpoint with timestep_spacing "leading".
#ifndef DRAFTP_SCHEDULE_LEADING_SPACING_H_
#define DRAFTP_SCHEDULE_LEADING_SPACING_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "draftp/schedule/ddpm_table.h"
#include "draftp/schedule/form.h"
#include "draftp/schedule/noise_levels.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/term.h"

namespace draftp {

// Table entries at (N-1-i) floor(1000/N) + steps_offset, i = 0 .. N-1, then 0. A run starts below
// the last entry, and with N > 500 far below it. SDXL's checkpoints have steps_offset 1.
// Text: leading (the checkpoint's offset, 0 without one), leading(1).
class LeadingSpacing {
 public:
  // The error unless steps_offset is 0 or 1, the two that checkpoints have; more would lead some
  // runs beyond the table.
  static Parsed<LeadingSpacing> Make(int steps_offset, DdpmTable table = DdpmTable::Standard()) {
    if (steps_offset != 0 && steps_offset != 1) {
      return ParseError{"steps_offset is " + std::to_string(steps_offset) + ", expected 0 or 1"};
    }
    return LeadingSpacing(Checked(), steps_offset, std::move(table));
  }

  // Throws std::invalid_argument where Make gives an error.
  explicit LeadingSpacing(int steps_offset = 0, DdpmTable table = DdpmTable::Standard())
      : LeadingSpacing(Make(steps_offset, std::move(table)).value()) {}

  // The n + 1 sigmas. Throws std::invalid_argument unless 1 <= n <= max_steps().
  std::vector<double> Sigmas(int n) const { return table_.SigmasAt(Times(n)); }

  // The n time indices, descending.
  std::vector<int> Times(int n) const {
    CheckSteps(*this, n);
    const int stride = table_.size() / n;
    std::vector<int> times;
    for (int i = n - 1; i >= 0; --i) times.push_back(i * stride + steps_offset_);
    return times;
  }

  int max_steps() const { return table_.size() - steps_offset_; }

  std::string name() const {
    return steps_offset_ == 0 ? "leading" : "leading(" + std::to_string(steps_offset_) + ")";
  }

  static Parsed<LeadingSpacing> FromTerm(const schedule_text::Term& term,
                                         const TrainedLevels& trained);

 private:
  struct Checked {};
  LeadingSpacing(Checked, int steps_offset, DdpmTable table)
      : steps_offset_(steps_offset), table_(std::move(table)) {}

  int steps_offset_;
  DdpmTable table_;
};

inline Parsed<LeadingSpacing> LeadingSpacing::FromTerm(const schedule_text::Term& term,
                                                       const TrainedLevels& trained) {
  if (!term.called) return Make(trained.steps_offset, trained.table);
  const Parsed<std::vector<double>> offset = schedule_text::ReadNumbers(term, 1, 1);
  if (!offset.ok()) return ParseError{offset.error()};
  const Parsed<std::int64_t> count = schedule_text::ToCount((*offset)[0], "steps_offset");
  return count.ok() ? Make(static_cast<int>(*count), trained.table) : ParseError{count.error()};
}

static_assert(NamedNoiseLevels<LeadingSpacing>, "LeadingSpacing is a family of noise levels");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_LEADING_SPACING_H_
