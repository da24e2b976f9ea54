#include "draftp/pipeline/run_record.h"

#include <absl/strings/str_cat.h>
#include <torch/csrc/api/include/torch/version.h>

#include <fstream>
#include <string>
#include <utility>

#include "draftp/io/atomic_file.h"
#include "draftp/io/config_json.h"
#include "draftp/pipeline/file_hash.h"
#include "draftp/pipeline/version.h"

namespace draftp {
namespace {

absl::StatusOr<std::map<std::string, std::string>> HashAll(const std::vector<std::string>& files) {
  std::map<std::string, std::string> hashes;
  for (const std::string& file : files) {
    auto hash = Sha256OfFile(file);
    if (!hash.ok()) return hash.status();
    hashes[file] = *std::move(hash);
  }
  return hashes;
}

}  // namespace

int64_t PeakMemoryKib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib;
  }
  return 0;
}

RunRecord::RunRecord(nlohmann::ordered_json config, std::string output_dir,
                     const ComputeDevice& device, std::vector<std::string> weight_files)
    : config_({{"config", std::move(config)}}),
      output_dir_(std::move(output_dir)),
      device_(device),
      hashes_(std::async(std::launch::async, HashAll, std::move(weight_files))) {}

absl::Status RunRecord::WriteJson(const nlohmann::ordered_json& json) const {
  const std::string text = json.dump(/*indent=*/2, ' ', /*ensure_ascii=*/false,
                                     nlohmann::ordered_json::error_handler_t::replace);
  return WriteFileAtomically(output_dir_ + "/run.json", text + "\n");
}

absl::Status RunRecord::Write() const { return WriteJson(config_); }

absl::Status RunRecord::Finish() {
  const auto hashes = hashes_.get();
  if (!hashes.ok()) return hashes.status();
  nlohmann::ordered_json json = config_;
  nlohmann::ordered_json& result = json["result"];
  result["draftp"] = kVersion;
  result["libtorch"] = TORCH_VERSION;
  result["device"] = device_.name;
  result["dtype"] = device_.network.dtype == at::kBFloat16 ? "bfloat16" : "float32";
  for (const auto& [key, value] : values_.items()) result[key] = value;
  if (const int64_t peak = PeakMemoryKib(); peak > 0) result["peak_memory_mib"] = peak / 1024;
  for (const auto& [phase, seconds] : seconds_) result["seconds"][phase] = seconds;
  for (const auto& [file, hash] : *hashes) result["weights_sha256"][file] = hash;
  return WriteJson(json);
}

std::string SettingsLine(const AnnealConfig& config, int64_t height, int64_t width) {
  // What decides a picture: neither where it goes, nor which others are drawn beside it.
  AnnealConfig deciding = config;
  const AnnealConfig defaults;
  deciding.output_dir = defaults.output_dir;
  deciding.skip_existing = defaults.skip_existing;
  deciding.weight_type = defaults.weight_type;
  deciding.prompt = defaults.prompt;
  deciding.prompts = defaults.prompts;
  deciding.negative_prompt = defaults.negative_prompt;
  deciding.seed = defaults.seed;
  deciding.batch_size = defaults.batch_size;
  deciding.device = defaults.device;
  deciding.height = height;
  deciding.width = width;
  return ConfigValuesToJson(AnnealTable().Print(deciding)).dump();
}

}  // namespace draftp
