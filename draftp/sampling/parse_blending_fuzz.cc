// Any text as a list of ways to blend: an error of one line, or blends of finite weights whose
// names mean the same again.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "draftp/sampling/parse_blending.h"
#include "draftp/schedule/step_context.h"
#include "draftp/testing/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using draftp::testing::FuzzRequire;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto types = draftp::ParseBlendingList(text, {.seed = 5});
  if (!types.ok()) {
    draftp::testing::FuzzRequireMessage(types.error(), "weight type");
    return 0;
  }
  static constexpr double kSigmas[] = {14.6, 3.0, 0.5, 0.03, 0.0};
  for (const draftp::BlendType& type : *types) {
    const std::string name = type.blending.name();
    const auto again = draftp::ParseBlending(name, {.seed = 5});
    FuzzRequire(again.ok() && again->name() == name, "names are canonical");
    for (int i = 0; i < 4; ++i) {
      const draftp::BlendStep step = type.blending.At(draftp::StepAt(kSigmas, i));
      FuzzRequire(!step.parts.empty(), "a step evaluates something");
      for (const draftp::BlendPart& part : step.parts)
        FuzzRequire(std::isfinite(part.weight), "weights are finite");
      FuzzRequire(step == again->At(draftp::StepAt(kSigmas, i)), "names mean the same again");
    }
  }
  return 0;
}
