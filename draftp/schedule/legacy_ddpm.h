// The noise levels of sgm's LegacyDDPM discretisation, NeMo-Aligner's default for SDXL.
#ifndef DRAFTP_SCHEDULE_LEGACY_DDPM_H_
#define DRAFTP_SCHEDULE_LEGACY_DDPM_H_

#include <string>
#include <utility>
#include <vector>

#include "draftp/schedule/ddpm_table.h"
#include "draftp/schedule/noise_levels.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/term.h"

namespace draftp {

// Table entries at floor(linspace(999, 0, N, endpoint excluded)), then 0; for N = 1000 all of them.
// The first is always time 999; the last is above time 0 unless N = 1000. Text: legacy_ddpm.
class LegacyDdpm {
 public:
  explicit LegacyDdpm(DdpmTable table = DdpmTable::Standard()) : table_(std::move(table)) {}

  // The n + 1 sigmas. Throws std::invalid_argument unless 1 <= n <= max_steps().
  std::vector<double> Sigmas(int n) const { return table_.SigmasAt(Times(n)); }

  // The n time indices, descending.
  std::vector<int> Times(int n) const {
    CheckSteps(*this, n);
    std::vector<int> times;
    const int last = table_.size() - 1;
    const double stride = static_cast<double>(-last) / n;
    for (int i = 0; i < n; ++i) {
      // numpy's order of rounding decides 34 values of N, 99 the smallest; volatile keeps the
      // compiler from fusing the product into the sum.
      const volatile double offset = i * stride;
      times.push_back(n == table_.size() ? last - i : static_cast<int>(offset + last));
    }
    return times;
  }

  int max_steps() const { return table_.size(); }

  std::string name() const { return "legacy_ddpm"; }

  static Parsed<LegacyDdpm> FromTerm(const schedule_text::Term&, const TrainedLevels& trained) {
    return LegacyDdpm(trained.table);
  }

 private:
  DdpmTable table_;
};

static_assert(NamedNoiseLevels<LegacyDdpm>, "LegacyDdpm is a family of noise levels");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_LEGACY_DDPM_H_
