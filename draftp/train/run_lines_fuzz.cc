// Any bytes as a run's log: series of ascending steps, at most one warning of one line.
#include <string_view>

#include "draftp/testing/fuzz.h"
#include "draftp/train/run_lines.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using draftp::testing::FuzzRequire;
  const draftp::RunLines lines =
      draftp::ParseRunLines("log.jsonl", {reinterpret_cast<const char*>(data), size});
  for (size_t i = 0; i < lines.steps.size(); ++i)
    FuzzRequire(lines.steps[i] >= 0 && (i == 0 || lines.steps[i] > lines.steps[i - 1]), "ascend");
  FuzzRequire(lines.series.size() <= 256, "few series");
  for (const auto& [key, series] : lines.series) {
    FuzzRequire(series.step.size() == series.value.size(), "a value a step");
    for (size_t i = 1; i < series.step.size(); ++i)
      FuzzRequire(series.step[i] > series.step[i - 1], "steps of a series ascend");
  }
  if (!lines.warning.empty())
    draftp::testing::FuzzRequireMessage(lines.warning, "log.jsonl: line ");
  return 0;
}
