// What decides what a run computes, as text that another run's can be compared with.
#ifndef DRAFTP_RUN_RUN_IDENTITY_H_
#define DRAFTP_RUN_RUN_IDENTITY_H_

#include <absl/status/statusor.h>

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace draftp {

// Two runs with the same identity compute the same, up to rounding.
struct RunIdentity {
  std::map<std::string, std::string> settings;  // key of a flag -> its value as typed
  std::map<std::string, std::string> inputs;    // role of a file or list -> SHA-256 of its contents

  friend bool operator==(const RunIdentity&, const RunIdentity&) = default;
};

// {"settings": {...}, "inputs": {...}}.
nlohmann::ordered_json ToJson(const RunIdentity& identity);
// InvalidArgument where `json` isn't such an object of at most 10,000 short texts.
absl::StatusOr<RunIdentity> RunIdentityFrom(const nlohmann::json& json);

// What differs, a text each: "--lr was 0.001, is 0.002", "reward 1/model.safetensors (SHA-256) was
// 3bfe0a..., is none". A setting that only one of them knows (they are of two versions) doesn't
// count.
std::vector<std::string> Differences(const RunIdentity& before, const RunIdentity& now);

// The first `most` texts, and how many more there are, as one line.
std::string FirstOf(const std::vector<std::string>& texts, size_t most = 4);

}  // namespace draftp

#endif  // DRAFTP_RUN_RUN_IDENTITY_H_
