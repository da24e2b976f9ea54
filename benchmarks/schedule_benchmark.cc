// Schedules: what a run computes once, and what it asks at every step.
#include <benchmark/benchmark.h>

#include <string>

#include "draftp/schedule/parse_weighing.h"
#include "draftp/schedule/spacings.h"
#include "draftp/schedule/step_context.h"

namespace draftp {
namespace {

void Levels(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(LegacyDdpm().Sigmas(25));
}
BENCHMARK(Levels);

void Parse(benchmark::State& state, const std::string& text) {
  for (auto _ : state) benchmark::DoNotOptimize(ParseWeighing(text).ok());
}
BENCHMARK_CAPTURE(Parse, linear, std::string("linear"));
BENCHMARK_CAPTURE(Parse, step, std::string("step_0.6"));

void Weigh(benchmark::State& state, const std::string& text) {
  const auto weighing = ParseWeighing(text);
  const StepContext step{.index = 7, .total = 25, .sigma = 3.0, .sigma_next = 2.5};
  for (auto _ : state) benchmark::DoNotOptimize((*weighing)(step));
}
BENCHMARK_CAPTURE(Weigh, linear, std::string("linear"));
BENCHMARK_CAPTURE(Weigh, power, std::string("power_2"));

}  // namespace
}  // namespace draftp

BENCHMARK_MAIN();
