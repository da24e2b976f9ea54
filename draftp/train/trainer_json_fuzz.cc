// Any bytes as a checkpoint's trainer.json: an error of one line, or a state that reads back.
#include <string>
#include <string_view>

#include "draftp/testing/fuzz.h"
#include "draftp/train/trainer_state.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using draftp::testing::FuzzRequire;
  const auto record =
      draftp::ParseTrainerJson("trainer.json", {reinterpret_cast<const char*>(data), size});
  if (!record.ok()) {
    draftp::testing::FuzzRequireMessage(record.status().message(), "trainer.json");
    return 0;
  }
  FuzzRequire(record->state.step >= 0 && record->optimizer_steps <= record->state.step, "in range");
  const auto again = draftp::ParseTrainerJson("trainer.json", draftp::ToJsonText(*record));
  FuzzRequire(again.ok() && again->state == record->state, "reads back");
  return 0;
}
