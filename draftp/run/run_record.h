// run.json: what repeats a run, what decided what it computed, and what came out of it.
#ifndef DRAFTP_RUN_RUN_RECORD_H_
#define DRAFTP_RUN_RUN_RECORD_H_

#include <absl/status/status.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "draftp/run/compute_device.h"
#include "draftp/run/input_hashes.h"
#include "draftp/run/run_identity.h"

namespace draftp {

//   program, draftp, libtorch   who wrote it
//   date, command               when the run began (ISO 8601, local time) and how it was typed
//   config                      repeats the run (--config run.json)
//   identity                    RunIdentity, once the hashes are known
//   result                      once it ended: device, dtype, seconds, weights_sha256, ...;
//                               peak_memory_mib of the host, on a GPU also peak_device_memory_mib
class RunRecord {
 public:
  // `config`: what Print of the program's table gives, as JSON.
  RunRecord(const std::string& program, nlohmann::ordered_json config, std::string output_dir,
            const ComputeDevice& device);

  void SetIdentity(const RunIdentity& identity) { json_["identity"] = ToJson(identity); }
  void SetConfig(nlohmann::ordered_json config) { json_["config"] = std::move(config); }
  void SetSeconds(const std::string& phase, double seconds) { seconds_[phase] = seconds; }
  // Any other entry of the result.
  void Set(const std::string& key, nlohmann::ordered_json value) {
    values_[key] = std::move(value);
  }

  // The result's weights_sha256: path and hash of those of `files` that are weights and whose role
  // `hashes` has.
  void SetWeights(const std::vector<InputFile>& files,
                  const std::map<std::string, std::string>& hashes);

  // {output_dir}/run.json with what is known and no result: a run that is cut short can be repeated
  // from it.
  absl::Status Write() const;
  // The same with the result.
  absl::Status Finish() const;

 private:
  absl::Status WriteJson(const nlohmann::ordered_json& json) const;

  nlohmann::ordered_json json_;
  std::string output_dir_;
  ComputeDevice device_;
  std::map<std::string, double> seconds_;
  nlohmann::ordered_json values_;
};

}  // namespace draftp

#endif  // DRAFTP_RUN_RUN_RECORD_H_
