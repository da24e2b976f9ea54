// Any text as a YAML configuration: an error of one line, or keys within their limits.
#include <string>

#include "draftp/config/config_yaml.h"
#include "draftp/testing/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto entries =
      draftp::ParseYamlConfig("run.yaml", std::string(reinterpret_cast<const char*>(data), size));
  if (!entries.ok()) {
    draftp::testing::FuzzRequireMessage(entries.status().message(), "run.yaml:");
    return 0;
  }
  for (const draftp::ConfigEntry& entry : *entries) {
    draftp::testing::FuzzRequireMessage(entry.where, "run.yaml:");
    draftp::testing::FuzzRequire(!entry.key.empty() && entry.key.size() <= 1024,
                                 "keys are bounded");
  }
  return 0;
}
