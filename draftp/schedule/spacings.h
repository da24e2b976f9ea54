// The members of noise levels, how each spaces N steps, and their text.
#ifndef DRAFTP_SCHEDULE_SPACINGS_H_
#define DRAFTP_SCHEDULE_SPACINGS_H_

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "draftp/schedule/ddpm_table.h"
#include "draftp/schedule/form.h"
#include "draftp/schedule/member.h"
#include "draftp/schedule/noise_levels.h"
#include "draftp/schedule/text.h"

namespace draftp {

// The noise levels of Karras et al. (EDM), spaced evenly in sigma^(1/rho):
//   sigma_i = (smax^(1/rho) + i/(N-1) (smin^(1/rho) - smax^(1/rho)))^rho, i = 0 .. N-1, then 0
// (arXiv 2206.00364, equation 5); N = 1 is smax alone. The ends are smax and smin to the bit.
class EdmKarras : public schedule_text::Member<EdmKarras, double, double, double> {
 public:
  static constexpr double kSigmaMin = 0.0292, kSigmaMax = 14.6146, kRho = 3;
  static constexpr schedule_text::Description kText{
      "edm", {{"smin", kSigmaMin}, {"smax", kSigmaMax}, {"rho", kRho}}, "edm(0.03,10,7)"};
  using Member::Member;
  EdmKarras() : EdmKarras(kSigmaMin, kSigmaMax, kRho) {}

  // Empty if 1e-6 <= smin, 1.01 smin <= smax <= 1e6 and 1 <= rho <= 100: wide of every use, and
  // narrow enough for all steps to differ.
  static std::string Fault(double sigma_min, double sigma_max, double rho) {
    using schedule_text::FormatNumber;
    if (!(sigma_min >= 1e-6 && sigma_max <= 1e6 && sigma_max >= 1.01 * sigma_min)) {
      return "the sigmas of edm are " + FormatNumber(sigma_min) + " to " + FormatNumber(sigma_max) +
             ", expected 1e-6 <= smin, 1.01 smin <= smax <= 1e6";
    }
    if (rho >= 1 && rho <= 100) return {};
    return "rho of edm is " + FormatNumber(rho) + ", expected 1 <= rho <= 100";
  }

  // The n + 1 sigmas. Throws std::invalid_argument unless 1 <= n <= max_steps().
  std::vector<double> Sigmas(int n) const {
    CheckSteps(*this, n);
    const auto& [sigma_min, sigma_max, rho] = values();
    const double first = std::pow(sigma_max, 1 / rho), last = std::pow(sigma_min, 1 / rho);
    std::vector<double> sigmas = {sigma_max};
    for (int i = 1; i + 1 < n; ++i) {
      sigmas.push_back(std::pow(first + static_cast<double>(i) / (n - 1) * (last - first), rho));
    }
    if (n > 1) sigmas.push_back(sigma_min);
    sigmas.push_back(0);
    return sigmas;
  }

  int max_steps() const { return 10000; }
};

// The base of levels D that are entries of a checkpoint's table, at the indices D::Times(n), and 0.
template <class D>
class TableLevels {
 public:
  explicit TableLevels(DdpmTable table = DdpmTable::Standard()) : table_(std::move(table)) {}

  // The n + 1 sigmas. Throws std::invalid_argument unless 1 <= n <= max_steps().
  std::vector<double> Sigmas(int n) const {
    return table_.SigmasAt(static_cast<const D&>(*this).Times(n));
  }

  int max_steps() const { return table_.size(); }

  std::string name() const { return std::string(D::kText.word); }

  static Parsed<D> FromTerm(const schedule_text::Term&, const TrainedLevels& trained) {
    return D(trained.table);
  }

 protected:
  DdpmTable table_;
};

// The noise levels of sgm's LegacyDDPM discretisation, NeMo-Aligner's default for SDXL: table
// entries at floor(linspace(999, 0, N, endpoint excluded)), then 0; for N = 1000 all of them. The
// first is always time 999; the last is above time 0 unless N = 1000.
class LegacyDdpm : public TableLevels<LegacyDdpm> {
 public:
  static constexpr schedule_text::Description kText{"legacy_ddpm", {}, "legacy_ddpm"};
  using TableLevels::TableLevels;

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
};

// The noise levels of a diffusers checkpoint with timestep_spacing "trailing": table entries at
// round(1000 - i 1000/N) - 1, i = 0 .. N-1, then 0 (Lin et al., arXiv 2305.08891, table 2). Always
// N steps, also for the 62 values of N, 61 the smallest, where diffusers takes one more, of zero
// length, because numpy's arange overshoots.
class TrailingSpacing : public TableLevels<TrailingSpacing> {
 public:
  static constexpr schedule_text::Description kText{"trailing", {}, "trailing"};
  using TableLevels::TableLevels;

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
};

// The noise levels of a diffusers checkpoint with timestep_spacing "leading": table entries at
// (N-1-i) floor(1000/N) + steps_offset, i = 0 .. N-1, then 0. A run starts below the last entry,
// and with N > 500 far below it. SDXL's checkpoints have steps_offset 1. Text: leading (the
// checkpoint's offset, 0 without one), leading(1).
class LeadingSpacing : public TableLevels<LeadingSpacing> {
 public:
  static constexpr schedule_text::Description kText{"leading", {{"steps_offset", 0}}, "leading(1)"};

  // The error unless steps_offset is 0 or 1, the two that checkpoints have; more would lead some
  // runs beyond the table.
  static Parsed<LeadingSpacing> Make(int steps_offset, DdpmTable table = DdpmTable::Standard()) {
    if (steps_offset != 0 && steps_offset != 1) {
      return ParseError{"steps_offset is " + std::to_string(steps_offset) + ", expected 0 or 1"};
    }
    LeadingSpacing levels;
    levels.steps_offset_ = steps_offset;
    levels.table_ = std::move(table);
    return levels;
  }

  LeadingSpacing() = default;

  // Throws std::invalid_argument where Make gives an error.
  explicit LeadingSpacing(int steps_offset, DdpmTable table = DdpmTable::Standard())
      : LeadingSpacing(Make(steps_offset, std::move(table)).value()) {}

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
                                         const TrainedLevels& trained) {
    if (!term.called) return Make(trained.steps_offset, trained.table);
    if (std::string error = schedule_text::CountError(term, 1, 1); !error.empty()) {
      return ParseError{std::move(error)};
    }
    const auto offset =
        schedule_text::ReadParameter<std::int64_t>(term.arguments[0], kText.parameters[0]);
    return offset.ok() ? Make(static_cast<int>(*offset), trained.table)
                       : ParseError{offset.error()};
  }

 private:
  int steps_offset_ = 0;
};

// The noise levels of a few-step model (arXiv 2310.04378, algorithm 3; diffusers' LCMScheduler and
// TCDScheduler): of the table entries (k + 1) floor(1000/K) - 1, k = 0 .. K-1, that the model was
// distilled on, those at K-1 - floor(i K/N), i = 0 .. N-1, then 0. K is original_inference_steps.
class LcmSpacing : public TableLevels<LcmSpacing> {
 public:
  static constexpr int kOriginalSteps = 50;
  static constexpr schedule_text::Description kText{
      "lcm", {{"original_steps", kOriginalSteps}}, "lcm(25)"};

  // The error unless K is 1 to the table's size.
  static Parsed<LcmSpacing> Make(int64_t original_steps, DdpmTable table = DdpmTable::Standard()) {
    if (original_steps < 1 || original_steps > table.size()) {
      return ParseError{"original_steps is " + std::to_string(original_steps) + ", expected 1 to " +
                        std::to_string(table.size())};
    }
    LcmSpacing levels;
    levels.original_steps_ = static_cast<int>(original_steps);
    levels.table_ = std::move(table);
    return levels;
  }

  LcmSpacing() = default;

  // The n time indices, descending.
  std::vector<int> Times(int n) const {
    CheckSteps(*this, n);
    const int stride = table_.size() / original_steps_;
    std::vector<int> times;
    for (int i = 0; i < n; ++i) {
      // As numpy's linspace rounds it: a product of doubles.
      const volatile double index = i * (static_cast<double>(original_steps_) / n);
      times.push_back((original_steps_ - static_cast<int>(index)) * stride - 1);
    }
    return times;
  }

  int max_steps() const { return original_steps_; }

  std::string name() const {
    return original_steps_ == kOriginalSteps ? "lcm"
                                             : "lcm(" + std::to_string(original_steps_) + ")";
  }

  static Parsed<LcmSpacing> FromTerm(const schedule_text::Term& term,
                                     const TrainedLevels& trained) {
    if (!term.called) return Make(kOriginalSteps, trained.table);
    if (std::string error = schedule_text::CountError(term, 1, 1); !error.empty())
      return ParseError{std::move(error)};
    const auto steps =
        schedule_text::ReadParameter<std::int64_t>(term.arguments[0], kText.parameters[0]);
    return steps.ok() ? Make(*steps, trained.table) : ParseError{steps.error()};
  }

 private:
  int original_steps_ = kOriginalSteps;
};

static_assert(NamedNoiseLevels<EdmKarras>, "EdmKarras is a family of noise levels");
static_assert(NamedNoiseLevels<LegacyDdpm>, "LegacyDdpm is a family of noise levels");
static_assert(NamedNoiseLevels<TrailingSpacing>, "TrailingSpacing is a family of noise levels");
static_assert(NamedNoiseLevels<LeadingSpacing>, "LeadingSpacing is a family of noise levels");
static_assert(NamedNoiseLevels<LcmSpacing>, "LcmSpacing is a family of noise levels");

namespace schedule_text {

// The members: a new one is a line here.
inline constexpr Form<AnyNoiseLevels, TrainedLevels> kNoiseLevelsForms[] = {
    FormOf<AnyNoiseLevels, LegacyDdpm, TrainedLevels>(),
    FormOf<AnyNoiseLevels, EdmKarras, TrainedLevels>(),
    FormOf<AnyNoiseLevels, TrailingSpacing, TrainedLevels>(),
    FormOf<AnyNoiseLevels, LeadingSpacing, TrainedLevels>(),
    FormOf<AnyNoiseLevels, LcmSpacing, TrainedLevels>(),
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

#endif  // DRAFTP_SCHEDULE_SPACINGS_H_
