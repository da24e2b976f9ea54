// Rules by which a validation ends a training run (--stop_when): concept, members, text.
#ifndef DRAFTP_TRAIN_STOP_RULES_H_
#define DRAFTP_TRAIN_STOP_RULES_H_

#include <absl/strings/str_format.h>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "draftp/schedule/form.h"
#include "draftp/schedule/member.h"
#include "draftp/schedule/text.h"

namespace draftp {

// What a rule reads of a validation; NaN: it wasn't measured.
struct ValidationFacts {
  double reward = std::numeric_limits<double>::quiet_NaN();
  double diversity = std::numeric_limits<double>::quiet_NaN();
  double base_diversity = std::numeric_limits<double>::quiet_NaN();
  double held_out = std::numeric_limits<double>::quiet_NaN();
  double best_held_out = std::numeric_limits<double>::quiet_NaN();  // of this and those before
  int64_t since_best_held_out = 0;                                  // validations
};

// rule(facts) says in a few words why the run ends, or nothing.
// Semantics: what wasn't measured never ends a run; the same facts always give the same.
template <class R>
concept StopRule = requires(const R& rule, const ValidationFacts& facts) {
  { rule(facts) } -> std::convertible_to<std::string>;
  { rule.name() } -> std::convertible_to<std::string>;
  { R::kReadsHeldOut } -> std::convertible_to<bool>;
  { R::kReadsDiversity } -> std::convertible_to<bool>;
};

// A copy of any rule, chosen at run time. Two are equal if their names are.
class AnyStopRule {
 public:
  template <StopRule R>
  AnyStopRule(R rule)  // NOLINT
      : name_(rule.name()),
        reads_held_out_(R::kReadsHeldOut),
        reads_diversity_(R::kReadsDiversity),
        function_(std::move(rule)) {}

  std::string operator()(const ValidationFacts& facts) const { return function_(facts); }

  const std::string& name() const { return name_; }
  bool reads_held_out() const { return reads_held_out_; }
  bool reads_diversity() const { return reads_diversity_; }

  friend bool operator==(const AnyStopRule& a, const AnyStopRule& b) { return a.name_ == b.name_; }

 private:
  std::string name_;
  bool reads_held_out_, reads_diversity_;
  std::function<std::string(const ValidationFacts&)> function_;
};

// The held-out reward's best is so many validations old. Text: held_out_falls(3).
class HeldOutFalls : public schedule_text::Member<HeldOutFalls, std::int64_t> {
 public:
  static constexpr schedule_text::Description kText{
      "held_out_falls", {{"validations"}}, "held_out_falls(3)"};
  static constexpr bool kReadsHeldOut = true, kReadsDiversity = false;
  using Member::Member;

  // Empty if `validations` is 1 or more.
  static std::string Fault(std::int64_t validations) {
    return validations >= 1 ? "" : "held_out_falls(0) has no validation to wait for";
  }

  std::string operator()(const ValidationFacts& facts) const {
    if (facts.since_best_held_out < std::get<0>(values())) return {};
    return absl::StrFormat("the held-out reward, %.4g, hasn't risen above %.4g for %d %s",
                           facts.held_out, facts.best_held_out, facts.since_best_held_out,
                           facts.since_best_held_out == 1 ? "validation" : "validations");
  }
};

// Pairwise diversity is below that share of the base's. Text: diversity(0.8).
class DiversityFalls : public schedule_text::Member<DiversityFalls, double> {
 public:
  static constexpr schedule_text::Description kText{"diversity", {{"share"}}, "diversity(0.8)"};
  static constexpr bool kReadsHeldOut = false, kReadsDiversity = true;
  using Member::Member;

  // Empty if `share` is above 0 and at most 1.
  static std::string Fault(double share) {
    if (share > 0 && share <= 1) return {};
    return "diversity keeps a share of " + schedule_text::FormatNumber(share) +
           ", expected above 0 and at most 1";
  }

  std::string operator()(const ValidationFacts& facts) const {
    const double share = std::get<0>(values());
    if (!(facts.diversity < share * facts.base_diversity)) return {};
    return absl::StrFormat("diversity, %.4g, is below %g of the base's %.4g", facts.diversity,
                           share, facts.base_diversity);
  }
};

// The validation reward is at least that. Text: reward(25).
class RewardReached : public schedule_text::Member<RewardReached, double> {
 public:
  static constexpr schedule_text::Description kText{"reward", {{"value"}}, "reward(25)"};
  static constexpr bool kReadsHeldOut = false, kReadsDiversity = false;
  using Member::Member;

  static std::string Fault(double value) {
    return std::isfinite(value) ? "" : "the reward to reach isn't finite";
  }

  std::string operator()(const ValidationFacts& facts) const {
    if (!(facts.reward >= std::get<0>(values()))) return {};
    return absl::StrFormat("the validation reward is %.4g", facts.reward);
  }
};

static_assert(StopRule<HeldOutFalls>, "HeldOutFalls is a stop rule");
static_assert(StopRule<DiversityFalls>, "DiversityFalls is a stop rule");
static_assert(StopRule<RewardReached>, "RewardReached is a stop rule");

// The members: a new one is a line here.
inline constexpr schedule_text::Form<AnyStopRule> kStopRuleForms[] = {
    schedule_text::FormOf<AnyStopRule, HeldOutFalls>(),
    schedule_text::FormOf<AnyStopRule, DiversityFalls>(),
    schedule_text::FormOf<AnyStopRule, RewardReached>(),
};

inline std::string StopRuleForms() { return schedule_text::ListForms<AnyStopRule>(kStopRuleForms); }

// The rules of a text, separated by commas. Any bytes are safe; the error is one line that lists
// the valid forms.
inline Parsed<std::vector<AnyStopRule>> ParseStopRules(std::string_view text) {
  std::vector<AnyStopRule> rules;
  for (const std::string_view item : schedule_text::SplitList(text)) {
    auto rule = schedule_text::ParseForm<AnyStopRule>("stop rule", item, kStopRuleForms);
    if (!rule.ok()) return ParseError{rule.error()};
    rules.push_back(*std::move(rule));
  }
  return rules;
}

}  // namespace draftp

#endif  // DRAFTP_TRAIN_STOP_RULES_H_
