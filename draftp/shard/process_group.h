// LibTorch's process groups.
#ifndef DRAFTP_SHARD_PROCESS_GROUP_H_
#define DRAFTP_SHARD_PROCESS_GROUP_H_

#include <absl/status/statusor.h>
#include <c10/util/intrusive_ptr.h>

#include <chrono>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "draftp/shard/rank_info.h"

namespace draftp {

// Gloo, for tensors of a CPU. It listens at GLOO_SOCKET_IFNAME's address where that is set, on the
// loopback where all ranks are on this host, else where the others reach it (host_address.h).
// Throws c10::Error. All ranks make theirs at the same time.
c10::intrusive_ptr<c10d::Backend> MakeGlooGroup(const c10::intrusive_ptr<c10d::Store>& store,
                                                const RankInfo& info,
                                                std::chrono::milliseconds timeout);

// NCCL, for tensors of the current GPU. It neither ends the process nor times out: the watchdog
// does, and says why.
absl::StatusOr<c10::intrusive_ptr<c10d::Backend>> MakeNcclGroup(
    const c10::intrusive_ptr<c10d::Store>& store, const RankInfo& info);

}  // namespace draftp

#endif  // DRAFTP_SHARD_PROCESS_GROUP_H_
