#include "draftp/objective/any_objective.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr Registry kRegistry(Alternatives<AnyObjective::Member, ObjectiveOptions>::kMembers);

absl::Status OutOfRange(const char* flag, int64_t found, int64_t steps) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, ": found ", found, ", expected 1 to ", steps, ", --steps"));
}

}  // namespace

const Registry<AnyObjective::Member, ObjectiveOptions>& AnyObjective::Members() {
  return kRegistry;
}

absl::StatusOr<AnyObjective> AnyObjective::Named(std::string_view name,
                                                 const ObjectiveOptions& options) {
  if (options.truncation_steps < 1 || options.truncation_steps > options.steps)
    return OutOfRange("truncation_steps", options.truncation_steps, options.steps);
  if (options.late_steps > options.steps)
    return OutOfRange("late_steps", options.late_steps, options.steps);
  if (const auto* const member = kRegistry.Find(name)) return AnyObjective(member->make(options));
  return absl::InvalidArgumentError(absl::StrCat("--objective: found ", Quoted(std::string(name)),
                                                 ", expected one of ", kRegistry.List()));
}

}  // namespace draftp
