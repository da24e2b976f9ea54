// run.json: what repeats a run, and what came out of it.
#ifndef DRAFTP_PIPELINE_RUN_RECORD_H_
#define DRAFTP_PIPELINE_RUN_RECORD_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "draftp/pipeline/anneal_config.h"
#include "draftp/pipeline/compute_device.h"

namespace draftp {

// Collects the record of a run, and hashes its weights on a thread of its own meanwhile.
class RunRecord {
 public:
  // `config`: what Print of the program's table gives, as JSON; `weight_files`: to hash.
  RunRecord(nlohmann::ordered_json config, std::string output_dir, const ComputeDevice& device,
            std::vector<std::string> weight_files);

  void SetSeconds(const std::string& phase, double seconds) { seconds_[phase] = seconds; }
  // Any other entry of the result.
  void Set(const std::string& key, nlohmann::ordered_json value) {
    values_[key] = std::move(value);
  }

  // {output_dir}/run.json with the config and no result yet: a run that is cut short can be
  // repeated from it.
  absl::Status Write() const;
  // The same with the result; waits for the hashes.
  absl::Status Finish();

 private:
  absl::Status WriteJson(const nlohmann::ordered_json& json) const;

  nlohmann::ordered_json config_;
  std::string output_dir_;
  ComputeDevice device_;
  std::map<std::string, double> seconds_;
  nlohmann::ordered_json values_;
  std::future<absl::StatusOr<std::map<std::string, std::string>>> hashes_;
};

// The most memory that the process has held so far, in KiB; 0 where the system doesn't say.
int64_t PeakMemoryKib();

// What decides the pixels besides prompt, seed and weight type, on one line: the `settings` of a
// picture's text.
std::string SettingsLine(const AnnealConfig& config, int64_t height, int64_t width);

}  // namespace draftp

#endif  // DRAFTP_PIPELINE_RUN_RECORD_H_
