#include "draftp/train/any_objective.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <functional>

#include "draftp/io/printable.h"

namespace draftp {
namespace {

struct Registration {
  const char* name;
  std::function<AnyObjective::Member(const ObjectiveOptions&)> make;
};

int LateSteps(const ObjectiveOptions& options) {
  return options.late_steps > 0 ? options.late_steps : std::max(1, options.steps / 4);
}

// The members: a new one is a line here.
const std::vector<Registration>& Registry() {
  using O = ObjectiveOptions;
  static const auto* const registry = new std::vector<Registration>{
      {"draft_k", [](const O& o) { return DraftK(o.truncation_steps); }},
      {"draft_lv", [](const O& o) { return DraftLv(o.copies); }},
      {"alignprop",
       [](const O& o) {
         return AlignProp(o.truncation_draw == "normal" ? AlignProp::Draw::kNormal
                                                        : AlignProp::Draw::kUniform);
       }},
      {"refl",
       [](const O& o) {
         return Refl({.late_steps = LateSteps(o), .margin = o.margin, .weight = o.weight});
       }},
      {"drtune", [](const O& o) { return DrTune(o.truncation_steps, LateSteps(o)); }},
  };
  return *registry;
}

absl::Status OutOfRange(const char* flag, int64_t found, int64_t steps) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, ": found ", found, ", expected 1 to ", steps, ", --steps"));
}

}  // namespace

std::vector<std::string> AnyObjective::Names() {
  std::vector<std::string> names;
  for (const Registration& member : Registry()) names.emplace_back(member.name);
  return names;
}

absl::StatusOr<AnyObjective> AnyObjective::Named(std::string_view name,
                                                 const ObjectiveOptions& options) {
  if (options.truncation_steps < 1 || options.truncation_steps > options.steps)
    return OutOfRange("truncation_steps", options.truncation_steps, options.steps);
  if (options.late_steps > options.steps)
    return OutOfRange("late_steps", options.late_steps, options.steps);
  for (const Registration& member : Registry()) {
    if (member.name == name) return AnyObjective(member.make(options));
  }
  return absl::InvalidArgumentError(absl::StrCat("--objective: found ", Quoted(std::string(name)),
                                                 ", expected one of ",
                                                 absl::StrJoin(Names(), ", ")));
}

}  // namespace draftp
