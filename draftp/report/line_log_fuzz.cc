// Any bytes as log.jsonl or validation.jsonl of a run that goes on: whole lines of what was there,
// which stay when they are read again, and a reason of one line for those set aside.
#include "draftp/report/line_log.h"
#include "draftp/testing/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using draftp::testing::FuzzRequire;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const int64_t first_step : {int64_t{0}, int64_t{3}, INT64_MAX}) {
    const auto sorted = draftp::SortLines("log.jsonl", text, first_step);
    FuzzRequire(sorted.kept.size() + sorted.damaged.size() <= size, "lines of the text");
    FuzzRequire(sorted.kept.empty() || sorted.kept.back() == '\n', "whole lines");
    FuzzRequire(sorted.damaged.empty() == (sorted.damaged_lines == 0), "damaged lines count");
    if (sorted.damaged_lines > 0)
      draftp::testing::FuzzRequireMessage(sorted.first, "log.jsonl: line ");
    const auto again = draftp::SortLines("log.jsonl", sorted.kept, first_step);
    FuzzRequire(again.kept == sorted.kept && again.damaged.empty(), "what is kept stays");
  }
  return 0;
}
