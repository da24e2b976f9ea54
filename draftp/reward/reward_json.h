// draftp_reward.json: what a reward's files don't say by themselves, beside them.
#ifndef DRAFTP_REWARD_REWARD_JSON_H_
#define DRAFTP_REWARD_REWARD_JSON_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/io/json_file.h"

namespace draftp {

// The folder that the files of the reward at `path` lie in: the path itself, or the one that a file
// is in.
std::string RewardFolder(const std::string& path);

// Opens draftp_reward.json in RewardFolder(path); none where there is no such file. Its keys:
//   "kind": which reward it is (any_reward.h lists them), "version": that of the weights, "2.1",
// and what the kind reads besides.
absl::StatusOr<std::optional<JsonReader>> OpenRewardJson(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_REWARD_REWARD_JSON_H_
