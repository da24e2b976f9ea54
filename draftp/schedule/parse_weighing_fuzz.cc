// Any text as a list of weight types: an error of one line, or functions of finite weights whose
// names mean the same again.
#include <cmath>
#include <string>
#include <string_view>

#include "draftp/schedule/parse_weighing.h"
#include "draftp/schedule/step_context.h"
#include "draftp/testing/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using draftp::testing::FuzzRequire;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto types = draftp::ParseWeighingList(text);
  if (!types.ok()) {
    draftp::testing::FuzzRequireMessage(types.error(), "weight type");
    return 0;
  }
  static constexpr double kSigmas[] = {14.6, 3.0, 0.5, 0.03, 0.0};
  for (const draftp::WeightType& type : *types) {
    const auto again = draftp::ParseWeighing(type.weighing.name());
    FuzzRequire(again.ok() && again->name() == type.weighing.name(), "names are canonical");
    for (int i = 0; i < 4; ++i) {
      const draftp::StepContext step = draftp::StepAt(kSigmas, i);
      const double weight = type.weighing(step);
      FuzzRequire(std::isfinite(weight), "weights are finite");
      FuzzRequire(weight == (*again)(step), "names mean the same again");
    }
  }
  return 0;
}
