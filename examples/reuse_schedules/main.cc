// Draws weight types over the steps of a run, with one of its own beside draftp's.
//
//   main                                     the six of the original and a few more
//   main "step_2@sigma, reversed(linear)"    any list in the syntax of docs/schedules.md
#include <cmath>
#include <cstdio>
#include <numbers>
#include <string>
#include <vector>

#include "draftp/schedule/schedules.h"

// A weighing function that draftp doesn't have: the tuned model in the middle of the run.
struct BumpWeighing {
  double operator()(const draftp::StepContext& step) const {
    const double wave = std::sin(std::numbers::pi * step.index / step.total);
    return wave * wave;
  }
  std::string name() const { return "bump"; }
};
static_assert(draftp::NamedWeighing<BumpWeighing>, "BumpWeighing is a weighing function");

int main(int argc, char** argv) {
  const draftp::Parsed<std::vector<draftp::WeightType>> types = draftp::ParseWeighingList(
      argc > 1 ? argv[1]
               : "base, draft, linear, power_2, power_4, step_0.6, reversed(step_1@sigma), "
                 "interval(0.3,5,draft)@sigma, product(linear,step_0.6)");
  if (!types.ok()) {
    std::fprintf(stderr, "%s\n", types.error().c_str());
    return 2;
  }
  std::vector<draftp::AnyWeighing> weighings = {BumpWeighing()};
  for (const draftp::WeightType& type : *types) weighings.push_back(type.weighing);

  const std::vector<double> sigmas = draftp::EdmKarras().Sigmas(10);
  std::printf("%-28s", "sigma");
  for (int i = 0; i < 10; ++i) std::printf("%6.2f", sigmas[i]);
  for (const draftp::AnyWeighing& weighing : weighings) {
    std::printf("\n%-28s", weighing.name().c_str());
    for (int i = 0; i < 10; ++i) std::printf("%6.2f", weighing(draftp::StepAt(sigmas, i)));
  }
  std::printf("\n");
}
