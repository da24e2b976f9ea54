// Which process of how many this one is, as the launcher that started it says in the environment.
#ifndef DRAFTP_SHARD_RANK_INFO_H_
#define DRAFTP_SHARD_RANK_INFO_H_

#include <absl/status/statusor.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace draftp {

// A process's place among those of one run, and where they meet.
struct RankInfo {
  int rank = 0, size = 1;              // over all hosts
  int local_rank = 0, local_size = 1;  // on this host
  // Of the key-value store that rank 0 or the launcher holds; with one process none is needed, and
  // all of these stay as they are.
  std::string host = {};
  int port = 0;
  bool agent_store = false;   // the launcher holds it, and rank 0 must not
  int store_fd = -1;          // a listening socket that rank 0 was handed (local_launch.h)
  std::string prefix = {};    // of keys: differs between restarts, "" where there are none
  std::string launcher = {};  // for messages: "torchrun", "--nproc", "RANK and WORLD_SIZE",
                              // "mpirun", "srun"; "" where none was found
  bool distributed() const { return size > 1; }
};

// Value of a variable, nullopt where it isn't set. An empty one counts as not set.
using Environment = std::function<std::optional<std::string>(const char* name)>;

// The first of these that is there decides:
//
//   RANK, WORLD_SIZE                 torchrun, --nproc or by hand. LOCAL_WORLD_SIZE is else 1,
//                                    LOCAL_RANK else rank % local size; MASTER_ADDR and MASTER_PORT
//                                    are needed; DRAFTP_STORE_FD, TORCHELASTIC_USE_AGENT_STORE,
//                                    _RUN_ID and _RESTART_COUNT as torch.distributed has them.
//   OMPI_COMM_WORLD_SIZE above 1     mpirun; also where Slurm started its daemons. On one host
//                                    127.0.0.1 and a port chosen by the job serve.
//   SLURM_STEP_NUM_TASKS above 1     srun; an sbatch script's own shell is one process, whatever
//                                    SLURM_NTASKS is. MASTER_ADDR is the first host of the step,
//                                    MASTER_PORT chosen by job and step: 20000 to 31999.
//
// MASTER_ADDR and MASTER_PORT count wherever they are set. InvalidArgument names the variable, what
// was found and what was expected.
absl::StatusOr<RankInfo> RankInfoFrom(const Environment& environment);

// Of this process.
absl::StatusOr<RankInfo> RankInfoFromEnvironment();

// The first host of a list as Slurm writes it; "" where it is none.
//
//   FirstHost("node[003-005,7],other") == "node003"
std::string FirstHost(std::string_view list);

}  // namespace draftp

#endif  // DRAFTP_SHARD_RANK_INFO_H_
