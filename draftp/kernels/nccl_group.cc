// LibTorch's NCCL process group, in the library that is opened at run time; found by its name
// (draftp/shard/process_group.cc).
#include <torch/csrc/distributed/c10d/Store.hpp>

#if __has_include(<nccl.h>)
#define USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

namespace draftp {

// A group of the current device, owned by the caller (c10::intrusive_ptr::reclaim); null where the
// toolkit that built this had no NCCL. Throws c10::Error.
extern "C" __attribute__((visibility("default"))) c10d::Backend* draftp_nccl_group(
    const c10::intrusive_ptr<c10d::Store>& store, int rank, int size) {
#ifdef USE_C10D_NCCL
  const auto options = c10d::ProcessGroupNCCL::Options::create(/*is_high_priority_stream=*/true);
  options->timeout = std::chrono::hours(24 * 365);  // the watchdog's affair
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options).release();
#else
  return nullptr;
#endif
}

}  // namespace draftp
