// Learning-rate schedules from text: the one list of all members, and ParseLearningRate.
#ifndef DRAFTP_SCHEDULE_PARSE_LEARNING_RATE_H_
#define DRAFTP_SCHEDULE_PARSE_LEARNING_RATE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "draftp/schedule/constant_rate.h"
#include "draftp/schedule/cosine_rate.h"
#include "draftp/schedule/form.h"
#include "draftp/schedule/learning_rate.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/term.h"
#include "draftp/schedule/warmup_rate.h"

namespace draftp {

namespace schedule_text {

// The term of a learning-rate schedule, itself or inside a warm-up.
Parsed<AnyLearningRate> ReadLearningRate(const Term& term);

template <LearningRate R>
Parsed<AnyLearningRate> ReadRate(const Term& term) {
  Parsed<R> rate = R::FromTerm(term);
  if (!rate.ok()) return ParseError{rate.error()};
  return AnyLearningRate(*std::move(rate));
}

inline Parsed<AnyLearningRate> ReadWarmup(const Term& term) {
  if (term.arguments.size() != 2) return ParseError{"warmup needs steps and a learning rate"};
  const Parsed<double> number = ReadNumber(term.arguments[0]);
  if (!number.ok()) return ParseError{number.error()};
  const Parsed<std::int64_t> steps = ToCount(*number, "steps");
  if (!steps.ok()) return ParseError{steps.error()};
  const Parsed<AnyLearningRate> rate = ReadLearningRate(term.arguments[1]);
  if (!rate.ok()) return rate;
  return AnyLearningRate(WarmupRate<AnyLearningRate>(*steps, *rate));
}

// The members: a new one is a line here.
inline constexpr Form<AnyLearningRate> kLearningRateForms[] = {
    {"", "a number", "1e-4", ReadRate<ConstantRate>},
    {"cosine", "cosine(from,to,steps)", "cosine(1e-4,0,10000)", ReadRate<CosineRate>},
    {"warmup", "warmup(steps,R)", "warmup(500,1e-4)", ReadWarmup},
};

inline Parsed<AnyLearningRate> ReadLearningRate(const Term& term) {
  return ReadForm<AnyLearningRate>(term, kLearningRateForms);
}

}  // namespace schedule_text

// The learning-rate schedule that `text` names; docs/schedules.md has the syntax. Any bytes are
// safe; the error is one line that lists the valid forms.
inline Parsed<AnyLearningRate> ParseLearningRate(std::string_view text) {
  return schedule_text::ParseForm<AnyLearningRate>("learning rate", text,
                                                   schedule_text::kLearningRateForms);
}

// The texts that ParseLearningRate takes.
inline std::string LearningRateForms() {
  return schedule_text::ListForms<AnyLearningRate>(schedule_text::kLearningRateForms);
}

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_PARSE_LEARNING_RATE_H_
