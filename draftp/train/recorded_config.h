// A training run's settings as run.json and checkpoints tell them.
#ifndef DRAFTP_TRAIN_RECORDED_CONFIG_H_
#define DRAFTP_TRAIN_RECORDED_CONFIG_H_

#include <nlohmann/json.hpp>
#include <string>

#include "draftp/io/config_json.h"
#include "draftp/pipeline/embedded.h"
#include "draftp/train/train_config.h"

namespace draftp {

// Every key with its value, the embedded model by its name; --config takes it back.
inline nlohmann::ordered_json RecordedConfig(TrainConfig config) {
  const auto embedded = EmbeddedModelDir();
  if (embedded.ok()) {
    TrainTable().TransformPaths(
        config, [&](const std::string& path) { return CollapseEmbedded(path, *embedded); });
  }
  return ConfigValuesToJson(TrainTable().Print(config));
}

}  // namespace draftp

#endif  // DRAFTP_TRAIN_RECORDED_CONFIG_H_
