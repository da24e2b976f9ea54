// Tests of what models a weighing function, and what doesn't.
#include "draftp/schedule/weighing.h"

#include <gtest/gtest.h>

#include <string>

namespace draftp {
namespace {

struct Late {  // a good model
  bool operator()(const StepContext& step) const { return step.sigma < 1; }
};
struct NamedLate : Late {
  std::string name() const { return "late"; }
};
struct OfSigmaAlone {
  double operator()(double sigma) const { return sigma; }
};
struct Stateful {
  double operator()(const StepContext&) { return ++calls; }
  int calls = 0;
};
struct GivesText {
  std::string operator()(const StepContext&) const { return "1"; }
};
struct NamedByNumber : Late {
  int name() const { return 1; }
};

static_assert(Weighing<Late> && !NamedWeighing<Late>);
static_assert(NamedWeighing<NamedLate>);
static_assert(!Weighing<OfSigmaAlone>);
static_assert(!Weighing<Stateful>);
static_assert(!Weighing<GivesText>);
static_assert(!Weighing<double>);
static_assert(!NamedWeighing<NamedByNumber>);

TEST(WeighingTest, IsModelledByALambda) {
  const auto half = [](const StepContext&) { return 0.5; };
  static_assert(Weighing<decltype(half)>);
  EXPECT_EQ(half(StepContext{0, 1, 1, 0}), 0.5);
}

}  // namespace
}  // namespace draftp
