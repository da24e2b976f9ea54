// The noise levels of a diffusers checkpoint with timestep_spacing "trailing".
#ifndef DRAFTP_SCHEDULE_TRAILING_SPACING_H_
#define DRAFTP_SCHEDULE_TRAILING_SPACING_H_

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "draftp/schedule/ddpm_table.h"
#include "draftp/schedule/noise_levels.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/term.h"

namespace draftp {

// Table entries at round(1000 - i 1000/N) - 1, i = 0 .. N-1, then 0 (Lin et al., arXiv 2305.08891,
// table 2). Always N steps, also for the 62 values of N, 61 the smallest, where diffusers takes
// one more, of zero length, because numpy's arange overshoots. Text: trailing.
class TrailingSpacing {
 public:
  explicit TrailingSpacing(DdpmTable table = DdpmTable::Standard()) : table_(std::move(table)) {}

  // The n + 1 sigmas. Throws std::invalid_argument unless 1 <= n <= max_steps().
  std::vector<double> Sigmas(int n) const { return table_.SigmasAt(Times(n)); }

  // The n time indices, descending.
  std::vector<int> Times(int n) const {
    CheckSteps(*this, n);
    std::vector<int> times;
    const double size = table_.size();
    const double stride = (size - size / n) - size;  // as numpy's arange rounds it
    for (int i = 0; i < n; ++i) {
      const volatile double offset = i * stride;  // volatile: not fused into the sum
      times.push_back(static_cast<int>(std::nearbyint(offset + size)) - 1);  // half to even
    }
    return times;
  }

  int max_steps() const { return table_.size(); }

  std::string name() const { return "trailing"; }

  static Parsed<TrailingSpacing> FromTerm(const schedule_text::Term&,
                                          const TrainedLevels& trained) {
    return TrailingSpacing(trained.table);
  }

 private:
  DdpmTable table_;
};

static_assert(NamedNoiseLevels<TrailingSpacing>, "TrailingSpacing is a family of noise levels");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_TRAILING_SPACING_H_
