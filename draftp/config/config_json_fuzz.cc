// Any text as a JSON configuration: an error of one line, or values that read back as they were
// written; and what one JSON parser takes, the other does.
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "draftp/config/config_json.h"
#include "draftp/io/json_file.h"
#include "draftp/testing/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using draftp::testing::FuzzRequire;
  using draftp::testing::FuzzRequireMessage;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto json = draftp::ParseJson("run.json", text);
  if (!json.ok()) FuzzRequireMessage(json.status().message(), "run.json: ");
  const auto entries = draftp::ParseJsonConfig("run.json", text);
  if (!entries.ok()) {
    FuzzRequireMessage(entries.status().message(), "run.json:");
    return 0;
  }
  std::vector<std::pair<std::string, draftp::ConfigValue>> values;
  for (const draftp::ConfigEntry& entry : *entries) {
    FuzzRequireMessage(entry.where, "run.json:");
    using Kind = draftp::ConfigValue::Kind;
    if (entry.value.kind != Kind::kMap && entry.value.kind != Kind::kNested)
      values.emplace_back(entry.key, entry.value);
  }
  draftp::ConfigValuesToJson(values);
  return 0;
}
