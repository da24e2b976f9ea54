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

// Of a GPU what the process has or can still get, by the driver and by the allocator's own limit
// (per_process_memory_fraction of PYTORCH_CUDA_ALLOC_CONF); 0 on a CPU.
int64_t AvailableBytes(const ComputeDevice& device);

}  // namespace draftp

#endif  // DRAFTP_RUN_PROCESS_MEMORY_H_
