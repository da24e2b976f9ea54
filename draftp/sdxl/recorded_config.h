// A run's settings as run.json and checkpoints tell them.
#ifndef DRAFTP_SDXL_RECORDED_CONFIG_H_
#define DRAFTP_SDXL_RECORDED_CONFIG_H_

#include <nlohmann/json.hpp>
#include <string>

#include "draftp/config/config_json.h"
#include "draftp/config/config_table.h"
#include "draftp/run/embedded.h"

namespace draftp {

// Every key with its value, the embedded model by its name; --config takes it back.
template <class C>
nlohmann::ordered_json RecordedConfig(const ConfigTable<C>& table, C config) {
  table.TransformPaths(config, [](const std::string& path) { return CollapseEmbedded(path); });
  return ConfigValuesToJson(table.Print(config));
}

}  // namespace draftp

#endif  // DRAFTP_SDXL_RECORDED_CONFIG_H_
