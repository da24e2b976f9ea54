#include "draftp/shard/process_group.h"

#include <cstdlib>
#include <string>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <utility>

#include "draftp/kernels/cuda_backend.h"

namespace draftp {
namespace {

using Backend = c10::intrusive_ptr<c10d::Backend>;

c10::intrusive_ptr<c10d::Store> Below(const c10::intrusive_ptr<c10d::Store>& store,
                                      const std::string& prefix) {
  return c10::make_intrusive<c10d::PrefixStore>(prefix, store);
}

std::shared_ptr<::gloo::transport::Device> GlooDevice(const RankInfo& info) {
  const char* const interface = std::getenv("GLOO_SOCKET_IFNAME");
  if (interface != nullptr && *interface != '\0')
    return c10d::ProcessGroupGloo::createDeviceForInterface(interface);
  if (info.local_size == info.size)
    return c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1");
  return c10d::ProcessGroupGloo::createDefaultDevice();
}

}  // namespace

Backend MakeGlooGroup(const c10::intrusive_ptr<c10d::Store>& store, const RankInfo& info,
                      std::chrono::milliseconds timeout) {
  // Past the watchdog's, so that it is the watchdog that says who is missing.
  const auto options =
      c10d::ProcessGroupGloo::Options::create(2 * timeout + std::chrono::seconds(60));
  options->devices.push_back(GlooDevice(info));
  return c10::make_intrusive<c10d::ProcessGroupGloo>(Below(store, "gloo"), info.rank, info.size,
                                                     options);
}

absl::StatusOr<Backend> MakeNcclGroup(const c10::intrusive_ptr<c10d::Store>& store,
                                      const RankInfo& info) {
  const auto cuda = OpenCudaBackend();
  if (!cuda.ok()) return cuda.status();
  setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "2", 1);  // clean up only: torchrun's 1 calls terminate
  setenv("TORCH_NCCL_ENABLE_MONITORING", "0", 1);
  using Make = c10d::Backend*(const c10::intrusive_ptr<c10d::Store>&, int, int);
  auto* const make = reinterpret_cast<Make*>(CudaSymbol("draftp_nccl_group"));
  c10d::Backend* const group = make(Below(store, "nccl"), info.rank, info.size);
  if (group == nullptr) {
    return absl::FailedPreconditionError(
        "--device: several GPUs need NCCL, and this program was built without its header nccl.h");
  }
  return Backend::reclaim(group);
}

}  // namespace draftp
