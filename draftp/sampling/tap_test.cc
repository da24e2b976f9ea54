// Models of the concept Tap, good and bad.
#include "draftp/sampling/tap.h"

#include <gtest/gtest.h>

namespace draftp::testing {
namespace {

struct Counter {
  int calls = 0;
  void operator()(const DenoiserCall& /*call*/) { ++calls; }
};
struct TakesATensor {
  void operator()(const at::Tensor& x);
};
struct ChangesTheCall {
  void operator()(DenoiserCall& call);
};

TEST(TapConceptTest, ConceptObservesACallThatItCannotChange) {
  static_assert(Tap<Counter>);
  static_assert(!Tap<TakesATensor>);
  static_assert(!Tap<ChangesTheCall>);
}

}  // namespace
}  // namespace draftp::testing
