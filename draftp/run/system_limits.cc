#include "draftp/run/system_limits.h"

#include <absl/strings/str_cat.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <vector>

#include "draftp/kernels/cpu/thread_pool.h"

namespace draftp {
namespace {

constexpr int64_t kMib = int64_t{1} << 20;

// " (ulimit -v allows 781 MiB)", or "".
std::string LimitNote() {
  for (const auto& [resource, flag] : {std::pair(RLIMIT_AS, "-v"), std::pair(RLIMIT_DATA, "-d")}) {
    rlimit limit{};
    if (getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
      return absl::StrCat(" (ulimit ", flag, " allows ", limit.rlim_cur / kMib, " MiB)");
  }
  return "";
}

void* AwaitLatch(void* latch) {
  static_cast<std::latch*>(latch)->wait();
  return nullptr;
}

}  // namespace

absl::Status CheckThreads(int count) {
  constexpr size_t kStack = 256 << 10;  // small, so that memory's limit isn't met here
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStack);
  std::latch end(1);
  std::vector<pthread_t> threads;
  int error = 0;
  while (static_cast<int>(threads.size()) < count && error == 0) {
    pthread_t thread;
    error = pthread_create(&thread, &attributes, AwaitLatch, &end);
    if (error == 0) threads.push_back(thread);
  }
  end.count_down();
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  if (error == 0) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "found room for ", threads.size(), " more threads, expected ", count,
      ": a limit of processes (ulimit -u, or a container's), or OMP_NUM_THREADS is too large (",
      std::strerror(error), ")"));
}

int ThreadsOfARun() { return 2 * cpu::Threads() + 2; }

bool HasMemoryLimit() {
  bool limited = false;
  for (const auto resource : {RLIMIT_AS, RLIMIT_DATA}) {
    rlimit limit{};
    limited = limited || (getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY);
  }
  return limited;
}

bool MemoryLimitIsNear() {
  if (!HasMemoryLimit()) return false;
  constexpr size_t kProbe = size_t{1} << 30;
  void* const probe = mmap(nullptr, kProbe, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED) return true;
  munmap(probe, kProbe);
  return false;
}

int64_t BytesNotGiven(const std::string& what) {
  // [enforce fail at alloc_cpu.cpp:127] ... you tried to allocate 123 bytes. Error code 12 (...)
  constexpr char kWords[] = "you tried to allocate ";
  const size_t at = what.find(kWords);
  return at == std::string::npos ? 0
                                 : std::strtoll(what.c_str() + at + sizeof kWords - 1, nullptr, 10);
}

std::string OutOfMemoryMessage(int64_t bytes) {
  const std::string needed =
      bytes > 0 ? absl::StrCat(": needed ", std::max<int64_t>(bytes / kMib, 1), " MiB") : "";
  return absl::StrCat("out of memory", needed, LimitNote());
}

}  // namespace draftp
