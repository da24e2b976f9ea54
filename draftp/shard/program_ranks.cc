#include "draftp/shard/program_ranks.h"

#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "draftp/run/exit_code.h"
#include "draftp/run/output_folder.h"
#include "draftp/run/terminal.h"
#include "draftp/shard/local_launch.h"
#include "draftp/shard/rank_info.h"

namespace draftp {

std::optional<int> LaunchRanks(const ProgramRanks& ranks, int argc, char** argv) {
  if (ranks.nproc <= 1) return std::nullopt;
  const auto info = RankInfoFromEnvironment();
  if (!info.ok()) return Report(ranks.program, info.status());
  if (info->distributed()) return std::nullopt;
  const auto code = LaunchLocally({.processes = static_cast<int>(ranks.nproc),
                                   .program = "",
                                   .arguments = std::vector<std::string>(argv, argv + argc),
                                   .live = IsTerminal(STDERR_FILENO)});
  return code.ok() ? *code : Report(ranks.program, code.status());
}

bool IsFirstRank() {
  const auto info = RankInfoFromEnvironment();
  return !info.ok() || info->rank == 0;
}

absl::Status RunAsRank(const ProgramRanks& ranks,
                       const std::function<absl::Status(World& world)>& body) {
  const auto info = RankInfoFromEnvironment();
  if (!info.ok()) return info.status();
  if (info->distributed() && ranks.nproc > 1 && ranks.nproc != info->local_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--nproc: found ", ranks.nproc, ", and ", info->launcher, " has started ", info->local_size,
        " processes on this host, expected no --nproc with a launcher"));
  }
  const auto world = World::Join(
      *info, {.program = ranks.program, .timeout = ranks.timeout, .tidy = RemoveUnfinished});
  if (!world.ok()) return world.status();
  return RunInWorld(**world, [&] { return body(**world); });
}

}  // namespace draftp
