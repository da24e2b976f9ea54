// What all ranks of a run must have alike.
#ifndef DRAFTP_SHARD_SAME_RUN_H_
#define DRAFTP_SHARD_SAME_RUN_H_

#include <absl/status/status.h>

#include <string>
#include <utility>
#include <vector>

#include "draftp/config/config_value.h"
#include "draftp/run/run_identity.h"
#include "draftp/shard/world.h"

namespace draftp {

// Compares version and settings, as ConfigTable::Print() gives them, but for the keys `own`.
// InvalidArgument on all ranks names one that differs, with both values; a long one by its hash.
absl::Status CheckSameSettings(const std::vector<std::pair<std::string, ConfigValue>>& settings,
                               const std::vector<std::string>& own, World& world);

// The same of what decides the results, once it is known: files by their hashes, captions, dtype.
absl::Status CheckSameIdentity(const RunIdentity& identity, World& world);

}  // namespace draftp

#endif  // DRAFTP_SHARD_SAME_RUN_H_
