// What a computation holds in memory, as LibTorch's allocator tells it.
#ifndef DRAFTP_TESTING_KEPT_BYTES_H_
#define DRAFTP_TESTING_KEPT_BYTES_H_

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace draftp::testing {

// Bytes of CPU tensors that were allocated and not freed in its lifetime, on this thread.
class KeptBytes {
 public:
  int64_t operator()() const { return counter_->bytes; }
  // The most that there were at any moment.
  int64_t Peak() const { return counter_->peak; }

 private:
  struct Counter : c10::MemoryReportingInfoBase {
    void reportMemoryUsage(void*, int64_t bytes_allocated, size_t, size_t, c10::Device) override {
      bytes += bytes_allocated;
      peak = std::max(peak, bytes);
    }
    bool memoryProfilingEnabled() const override { return true; }
    int64_t bytes = 0, peak = 0;
  };
  std::shared_ptr<Counter> counter_ = std::make_shared<Counter>();
  c10::DebugInfoGuard guard_{c10::DebugInfoKind::PROFILER_STATE, counter_};
};

}  // namespace draftp::testing

#endif  // DRAFTP_TESTING_KEPT_BYTES_H_
