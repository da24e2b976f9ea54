// The launcher of a run on one host: `--nproc N` starts N copies of the program and waits for them.
#ifndef DRAFTP_SHARD_LOCAL_LAUNCH_H_
#define DRAFTP_SHARD_LOCAL_LAUNCH_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

namespace draftp {

struct LocalLaunchOptions {
  int processes = 1;
  std::string program = {};                 // a path; "" for this process's own program
  std::vector<std::string> arguments = {};  // the program's name first, handed on as they are
  double patience_seconds = 5;  // from a process that failed to SIGTERM for the others, which may
                                // be ending by themselves for the same reason
  double grace_seconds = 30;    // from there to SIGKILL
  bool live = false;  // standard error is a terminal: rank 0 writes to it, and to standard output,
                      // itself
};

// Starts the processes, each with what RankInfoFrom reads (RANK, LOCAL_RANK, WORLD_SIZE,
// LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT), with DRAFTP_LAUNCHER=--nproc, without TORCHELASTIC_*
// and, unless it is set, with its part of the processors as OMP_NUM_THREADS. The port is bound
// already: rank 0 has a socket that listens there as descriptor DRAFTP_STORE_FD, and no other
// process has it. Returns when all have ended:
//
//   0             all ended with 0
//   code          of the process that failed first, 128 + signal where a signal ended it
//   128 + signal  one that was handed on ended them, and none failed otherwise
//
// Each process is a group of its own, reads nothing from standard input and dies with the thread
// that called this, even by SIGKILL. What it writes appears line by line behind "[RANK] ", on
// standard output and error as it wrote it; lines above 64 KiB are cut into several.
//
// SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGXCPU, and SIGPIPE when the output's reader has gone, are
// handed on to all, each time, unless ignored from the start. A process that ends by one of them
// has not failed: the others, which may be saving, are left to end by themselves.
//
// Call it before a library starts threads, which would take the signals, and while no
// InterruptWatcher lives. InvalidArgument: no processes or no arguments; ResourceExhausted: the
// system has no process or descriptor left; others: the program can't be run, the port not bound.
// After an error no process is left.
absl::StatusOr<int> LaunchLocally(const LocalLaunchOptions& options);

}  // namespace draftp

#endif  // DRAFTP_SHARD_LOCAL_LAUNCH_H_
