#include "draftp/run/process_memory.h"

#include <fstream>
#include <string>

#include "draftp/kernels/cuda_backend.h"

namespace draftp {
namespace {

int64_t FromStatus(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kib = 0;
    if (word == key && status >> kib) return kib * 1024;
  }
  return 0;
}

}  // namespace

int64_t ResidentBytes() { return FromStatus("VmRSS:"); }

int64_t PeakResidentBytes() { return FromStatus("VmHWM:"); }

int64_t PeakBytes(at::Device device) {
  if (!device.is_cuda()) return PeakResidentBytes();
  const auto backend = OpenCudaBackend();
  return backend.ok() ? (*backend)->PeakBytes(device.index()) : 0;
}

int64_t PeakBytes(const ComputeDevice& device) { return PeakBytes(device.network.device); }

int64_t AvailableBytes(const ComputeDevice& device) {
  if (!device.is_cuda()) return 0;
  const auto backend = OpenCudaBackend();
  return backend.ok() ? (*backend)->AvailableBytes(device.network.device.index()) : 0;
}

}  // namespace draftp
