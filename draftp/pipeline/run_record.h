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
#include <vector>

#include "draftp/pipeline/anneal_config.h"
#include "draftp/pipeline/compute_device.h"

namespace draftp {

// Collects the record of a run, and hashes its weights on a thread of its own meanwhile.
class RunRecord {
 public:
  RunRecord(const AnnealConfig& config, const ComputeDevice& device,
            std::vector<std::string> weight_files);

  void SetSeconds(const std::string& phase, double seconds) { seconds_[phase] = seconds; }
  // `drawn`: pictures drawn by this run; `network_rows`: rows that the networks have seen.
  void SetCounts(int64_t drawn, int64_t network_rows);

  // {output_dir}/run.json with the config and no result yet: a run that is cut short can be
  // repeated from it.
  absl::Status Write() const;
  // The same with the result; waits for the hashes.
  absl::Status Finish();

 private:
  nlohmann::ordered_json ConfigJson() const;
  absl::Status WriteJson(const nlohmann::ordered_json& json) const;

  AnnealConfig config_;
  ComputeDevice device_;
  std::map<std::string, double> seconds_;
  int64_t drawn_ = 0, network_rows_ = 0;
  std::future<absl::StatusOr<std::map<std::string, std::string>>> hashes_;
};

// What decides the pixels besides prompt, seed and weight type, on one line: the `settings` of a
// picture's text.
std::string SettingsLine(const AnnealConfig& config, int64_t height, int64_t width);

}  // namespace draftp

#endif  // DRAFTP_PIPELINE_RUN_RECORD_H_
