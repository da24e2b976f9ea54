// Small runs of the trainer on the embedded model, for tests.
#ifndef DRAFTP_TRAIN_SMALL_TRAINING_H_
#define DRAFTP_TRAIN_SMALL_TRAINING_H_

#include <absl/status/status.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "draftp/schedule/kl_schedule.h"
#include "draftp/train/trainer.h"
#include "draftp/train/training_fixture.h"

namespace draftp::testing {

// Three steps of two images in micro batches of one, 64x64, two denoising steps.
inline TrainConfig Small(const std::string& output_dir) {
  TrainConfig config;
  config.model = std::filesystem::absolute(kTinySdxl);
  config.reward = {config.model + "/reward_model"};
  config.prompts = {config.model + "/prompts/train.txt"};
  config.output_dir = output_dir;
  config.device = "cpu";
  config.sampling.height = config.sampling.width = 64;
  config.sampling.steps = 2;
  config.lora_rank = 2;
  config.max_steps = 3;
  config.micro_batch_size = 1;
  config.global_batch_size = 2;
  config.save_interval = 1;
  config.val_check_interval = 0;
  config.lr = ConstantRate(1e-3);
  config.kl_coeff = TargetKl(0.01, 0.1);
  config.ema = true;
  return config;
}

inline absl::Status Train(const TrainConfig& config) {
  StopRequest stop;
  std::ostringstream log;
  return RunTraining(config, stop, log, false);
}

// log.jsonl without what a clock or the process decides.
inline std::vector<nlohmann::json> Steps(const std::string& dir) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(dir + "/log.jsonl");
  for (std::string line; std::getline(file, line);) {
    lines.push_back(nlohmann::json::parse(line));
    for (const char* key : {"seconds", "phase_seconds", "memory_mib"}) lines.back().erase(key);
  }
  return lines;
}

}  // namespace draftp::testing

#endif  // DRAFTP_TRAIN_SMALL_TRAINING_H_
