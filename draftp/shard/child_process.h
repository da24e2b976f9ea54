// A process of a local launch, from its environment to exec.
#ifndef DRAFTP_SHARD_CHILD_PROCESS_H_
#define DRAFTP_SHARD_CHILD_PROCESS_H_

#include <absl/status/statusor.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "draftp/shard/launch_pipes.h"

namespace draftp {

// A socket that listens at 127.0.0.1, for rank 0's store.
struct ListeningSocket {
  Descriptor descriptor;
  int port = 0;
};

absl::StatusOr<ListeningSocket> ListenAtLoopback();

// What a rank of `processes` finds its world by, as torchrun sets it (rank_info.h), before what
// this process's environment has besides.
std::vector<std::string> ChildEnvironment(int rank, int processes, const ListeningSocket& store);

// Pointers as execve takes them, into `texts`.
std::vector<char*> Pointers(const std::vector<std::string>& texts);

// All that a process needs between fork and exec.
struct ChildPlan {
  const char* program;
  char* const* arguments;
  char* const* environment;
  pid_t parent;
  int input, output, error;  // its standard streams
  int store;                 // kept open; -1 for none
  int failure;               // gets errno when it can't be run
};

// What is called in the process after fork. It ends with its parent.
[[noreturn]] void BecomeChild(const ChildPlan& plan);

}  // namespace draftp

#endif  // DRAFTP_SHARD_CHILD_PROCESS_H_
