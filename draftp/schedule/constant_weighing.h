// The two constant weighing functions: the base model alone and the tuned model alone.
#ifndef DRAFTP_SCHEDULE_CONSTANT_WEIGHING_H_
#define DRAFTP_SCHEDULE_CONSTANT_WEIGHING_H_

#include <string>

#include "draftp/schedule/parsed.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/term.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

// w = 0: the base model. Text: base.
struct BaseWeighing {
  constexpr double operator()(const StepContext&) const { return 0; }
  std::string name() const { return "base"; }
  static Parsed<BaseWeighing> FromTerm(const schedule_text::Term&) { return BaseWeighing(); }
};

// w = 1: the tuned model. Text: draft.
struct DraftWeighing {
  constexpr double operator()(const StepContext&) const { return 1; }
  std::string name() const { return "draft"; }
  static Parsed<DraftWeighing> FromTerm(const schedule_text::Term&) { return DraftWeighing(); }
};

static_assert(NamedWeighing<BaseWeighing>, "BaseWeighing is a weighing function");
static_assert(NamedWeighing<DraftWeighing>, "DraftWeighing is a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_CONSTANT_WEIGHING_H_
