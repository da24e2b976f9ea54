#include "draftp/shard/process_group.h"

#include <c10/util/Exception.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <utility>
#include <vector>

#include "draftp/kernels/cuda_backend.h"
#include "draftp/shard/host_address.h"

namespace draftp {
namespace {

using Backend = c10::intrusive_ptr<c10d::Backend>;

c10::intrusive_ptr<c10d::Store> Below(const c10::intrusive_ptr<c10d::Store>& store,
                                      const std::string& prefix) {
  return c10::make_intrusive<c10d::PrefixStore>(prefix, store);
}

constexpr char kBetween = ' ';  // no address has one

// Every rank's way to the store's host; they tell each other.
std::vector<Route> RoutesOfAll(c10d::Store& store, const RankInfo& info) {
  const auto key = [](int rank) { return "route/" + std::to_string(rank); };
  const auto own = RouteTo(info.host);
  TORCH_CHECK(own.ok(), own.status().message());
  store.set(key(info.rank), own->from + kBetween + own->to);
  std::vector<std::string> keys;
  for (int rank = 0; rank < info.size; ++rank) keys.push_back(key(rank));
  std::vector<Route> routes;
  for (const std::vector<uint8_t>& bytes : store.multiGet(keys)) {
    const std::string text(bytes.begin(), bytes.end());
    const size_t end = text.find(kBetween);
    routes.push_back({.from = text.substr(0, end), .to = text.substr(end + 1)});
  }
  return routes;
}

std::shared_ptr<::gloo::transport::Device> GlooDevice(c10d::Store& store, const RankInfo& info) {
  const char* const interface = std::getenv("GLOO_SOCKET_IFNAME");
  const bool one_host = info.local_size == info.size;
  // Also told by ranks that have an interface of their own: the others ask for all.
  const std::vector<Route> routes = one_host ? std::vector<Route>{} : RoutesOfAll(store, info);
  if (interface != nullptr && *interface != '\0')
    return c10d::ProcessGroupGloo::createDeviceForInterface(interface);
  return c10d::ProcessGroupGloo::createDeviceForHostname(
      one_host ? "127.0.0.1" : ReachableAddress(routes, info.rank));
}

}  // namespace

Backend MakeGlooGroup(const c10::intrusive_ptr<c10d::Store>& store, const RankInfo& info,
                      std::chrono::milliseconds timeout) {
  // Past the watchdog's, so that it is the watchdog that says who is missing.
  const auto options =
      c10d::ProcessGroupGloo::Options::create(2 * timeout + std::chrono::seconds(60));
  const auto below = Below(store, "gloo");
  options->devices.push_back(GlooDevice(*below, info));
  return c10::make_intrusive<c10d::ProcessGroupGloo>(below, info.rank, info.size, options);
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
