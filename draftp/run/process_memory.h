// What the process holds in memory, as the system or LibTorch's allocator counts it.
#ifndef DRAFTP_RUN_PROCESS_MEMORY_H_
#define DRAFTP_RUN_PROCESS_MEMORY_H_

#include <cstdint>

#include "draftp/run/compute_device.h"

namespace draftp {

// Bytes of the process in the host's memory now, and the most so far; 0 where the system doesn't
// say.
int64_t ResidentBytes();
int64_t PeakResidentBytes();

// The most so far of a device, or of the run's network's: of LibTorch's allocator on a GPU, else of
// the process.
int64_t PeakBytes(at::Device device);
int64_t PeakBytes(const ComputeDevice& device);

}  // namespace draftp

#endif  // DRAFTP_RUN_PROCESS_MEMORY_H_
