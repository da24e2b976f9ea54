// Which device a rank computes on.
#ifndef DRAFTP_SHARD_RANK_DEVICE_H_
#define DRAFTP_SHARD_RANK_DEVICE_H_

#include <absl/status/statusor.h>

#include <string>

#include "draftp/shard/rank_info.h"

namespace draftp {

// --device as ChooseDevice (run/compute_device.h) takes it, for this rank: "auto" and "cuda" are
// the GPU of the rank's number on its host, or the only one where its launcher shows it one alone.
// InvalidArgument where a host has more ranks than GPUs, or all would share the one that is named.
// A process alone keeps `device`.
absl::StatusOr<std::string> RankDevice(const std::string& device, const RankInfo& info);

// A notice of GPUs that stay idle, where a process alone computes on one of several; else "".
std::string IdleGpusNotice(const RankInfo& info, bool on_gpu);

}  // namespace draftp

#endif  // DRAFTP_SHARD_RANK_DEVICE_H_
