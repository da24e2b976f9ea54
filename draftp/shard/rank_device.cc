#include "draftp/shard/rank_device.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <cstdlib>

#include "draftp/kernels/cuda_backend.h"

namespace draftp {
namespace {

// Whether the launcher shows each rank its own GPU (srun --gpus-per-task, torchrun
// --virtual-local-rank).
bool ShownOneGpu(int devices) {
  const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
  return devices == 1 && visible != nullptr && *visible != '\0';
}

}  // namespace

absl::StatusOr<std::string> RankDevice(const std::string& device, const RankInfo& info) {
  if (!info.distributed() || device == "cpu") return device;
  const int devices = CudaDeviceCount();
  if (device == "auto" && devices == 0) return device;
  if (device != "auto" && device != "cuda") {
    if (info.local_size == 1) return device;
    return absl::InvalidArgumentError(
        absl::StrCat("--device: found \"", device, "\" with ", info.local_size,
                     " processes on this host, expected auto, cuda or cpu: each has a GPU of its "
                     "own"));
  }
  if (ShownOneGpu(devices)) return "cuda:0";
  if (info.local_size > devices) {
    return absl::InvalidArgumentError(absl::StrCat(
        info.launcher.empty() ? "the launcher" : info.launcher, ": found ", info.local_size,
        " processes on a host with ", devices, devices == 1 ? " GPU" : " GPUs",
        ", expected at most one a GPU (--device cpu "
        "computes without)"));
  }
  return absl::StrCat("cuda:", info.local_rank);
}

std::string IdleGpusNotice(const RankInfo& info, bool on_gpu) {
  const int gpus = on_gpu && !info.distributed() ? CudaDeviceCount() : 1;
  return gpus > 1 ? absl::StrCat("one of ", gpus, " GPUs computes; --nproc ", gpus, " takes all")
                  : "";
}

}  // namespace draftp
