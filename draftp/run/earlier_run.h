// What an earlier run has left in a folder, from its run.json.
#ifndef DRAFTP_RUN_EARLIER_RUN_H_
#define DRAFTP_RUN_EARLIER_RUN_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "draftp/run/run_identity.h"

namespace draftp {

struct EarlierRun {
  std::string program = {};                    // anneal, train; empty: no run.json says it
  std::optional<RunIdentity> identity = {};    // absent: it was killed before it knew, or is older
  std::vector<std::string> weight_types = {};  // of an annealing run
  nlohmann::json result = nullptr;             // what Finish wrote, else null
};

// None where `dir` holds neither a run.json nor files named as a run's results are. A run.json that
// can't be read, or isn't one, counts as that of an unknown run.
std::optional<EarlierRun> ReadEarlierRun(const std::string& dir);

// `base`, base_2, base_3, ...: the folder of that number, 1 the first.
std::string NumberedFolder(const std::string& base, int number);

}  // namespace draftp

#endif  // DRAFTP_RUN_EARLIER_RUN_H_
