// What the system lets this process have, and what is said when it runs out.
#ifndef DRAFTP_RUN_SYSTEM_LIMITS_H_
#define DRAFTP_RUN_SYSTEM_LIMITS_H_

#include <absl/status/status.h>

#include <cstdint>
#include <exception>
#include <new>
#include <string>

namespace draftp {

// An error where fewer than `count` threads can be started now, which names the limit: OpenMP's
// run-time library ends the process with words of its own when it meets it.
absl::Status CheckThreads(int count);

// Threads that a run may have: the pools of this project, OpenMP and LibTorch.
int ThreadsOfARun();

// Whether ulimit -v or -d is set. Async-signal-safe.
bool HasMemoryLimit();

// Whether ulimit -v or -d leaves less than a GiB. Async-signal-safe.
bool MemoryLimitIsNear();

// "out of memory: needed 12 MiB (ulimit -v allows 781 MiB)", as far as both are known; `bytes` 0:
// not known.
std::string OutOfMemoryMessage(int64_t bytes);

// The bytes that LibTorch's allocator didn't get, by its error's words; 0 for any other error.
int64_t BytesNotGiven(const std::string& what);

// load()'s result, or an error that names `source` where memory runs out in it.
template <class Load>
auto LoadFrom(const std::string& source, const Load& load) -> decltype(load()) {
  int64_t bytes = 0;
  try {
    return load();
  } catch (const std::bad_alloc&) {
  } catch (const std::exception& error) {
    bytes = BytesNotGiven(error.what());
    if (bytes == 0) throw;
  }
  return absl::ResourceExhaustedError(source + ": " + OutOfMemoryMessage(bytes));
}

}  // namespace draftp

#endif  // DRAFTP_RUN_SYSTEM_LIMITS_H_
