#include "draftp/run/run_record.h"

#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <torch/csrc/api/include/torch/version.h>

#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "draftp/io/atomic_file.h"
#include "draftp/run/embedded.h"
#include "draftp/run/process_memory.h"
#include "draftp/version.h"

namespace draftp {
namespace {

// The words that started this process.
std::vector<std::string> CommandWords() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string words{std::istreambuf_iterator<char>(file), {}};
  if (!words.empty() && words.back() == '\0') words.pop_back();
  return absl::StrSplit(words, '\0');
}

}  // namespace

RunRecord::RunRecord(const std::string& program, nlohmann::ordered_json config,
                     std::string output_dir, const ComputeDevice& device)
    : json_({{"program", program},
             {"draftp", kVersion},
             {"libtorch", TORCH_VERSION},
             {"date", absl::FormatTime("%Y-%m-%dT%H:%M:%S%Ez", absl::Now(), absl::LocalTimeZone())},
             {"command", CommandWords()},
             {"config", std::move(config)}}),
      output_dir_(std::move(output_dir)),
      device_(device) {}

void RunRecord::SetWeights(const std::vector<InputFile>& files,
                           const std::map<std::string, std::string>& hashes) {
  nlohmann::ordered_json weights = nlohmann::ordered_json::object();
  for (const InputFile& file : files) {
    if (const auto hash = hashes.find(file.role); file.is_weights && hash != hashes.end())
      weights[CollapseEmbedded(file.path)] = hash->second;
  }
  Set("weights_sha256", std::move(weights));
}

absl::Status RunRecord::WriteJson(const nlohmann::ordered_json& json) const {
  const std::string text = json.dump(/*indent=*/2, ' ', /*ensure_ascii=*/false,
                                     nlohmann::ordered_json::error_handler_t::replace);
  return WriteFileAtomically(output_dir_ + "/run.json", text + "\n");
}

absl::Status RunRecord::Write() const { return WriteJson(json_); }

absl::Status RunRecord::Finish() const {
  nlohmann::ordered_json json = json_;
  nlohmann::ordered_json& result = json["result"];
  result["device"] = device_.name;
  result["dtype"] = DtypeName(device_);
  for (const auto& [key, value] : values_.items()) result[key] = value;
  if (const int64_t peak = PeakResidentBytes(); peak > 0) result["peak_memory_mib"] = peak >> 20;
  if (device_.is_cuda()) result["peak_device_memory_mib"] = PeakBytes(device_) >> 20;
  if (device_.placed() && device_.decoder().device.is_cuda())
    result["peak_reward_device_memory_mib"] = PeakBytes(device_.decoder().device) >> 20;
  for (const auto& [phase, seconds] : seconds_) result["seconds"][phase] = seconds;
  return WriteJson(json);
}

}  // namespace draftp
