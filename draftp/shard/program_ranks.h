// What a program's main does with several processes: starts them, or takes its place among them.
#ifndef DRAFTP_SHARD_PROGRAM_RANKS_H_
#define DRAFTP_SHARD_PROGRAM_RANKS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "draftp/shard/world.h"

namespace draftp {

struct ProgramRanks {
  std::string program;
  int64_t nproc = 1;     // --nproc
  double timeout = 600;  // --timeout, seconds
};

// Where --nproc asks for several processes and no launcher has started this one: starts them,
// waits, and gives the exit code.
std::optional<int> LaunchRanks(const ProgramRanks& ranks, int argc, char** argv);

// Whether this process is rank 0, or alone: the one that speaks for all.
bool IsFirstRank();

// body(world) in the world that the launcher's environment tells of, or alone; its status. The
// other ranks hear of a failure.
absl::Status RunAsRank(const ProgramRanks& ranks,
                       const std::function<absl::Status(World& world)>& body);

}  // namespace draftp

#endif  // DRAFTP_SHARD_PROGRAM_RANKS_H_
