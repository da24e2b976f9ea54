#include "draftp/kernels/cpu/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>

namespace draftp::cpu {
namespace {

thread_local bool in_parallel_for = false;

int ChooseThreads() {
  if (const char* text = std::getenv("OMP_NUM_THREADS"); text != nullptr) {
    if (const int64_t threads = std::strtol(text, nullptr, 10); threads > 0)
      return static_cast<int>(std::min<int64_t>(threads, 1024));
  }
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return CPU_COUNT(&allowed);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits until `ready()`; sleeps on `word`, which changes no later than ready() does, after some
// microseconds.
template <class Word, class Ready>
void WaitFor(const std::atomic<Word>& word, Ready&& ready) {
  constexpr int kSpins = 2000;
  for (int i = 0; i < kSpins; ++i) {
    if (ready()) return;
    Pause();
  }
  while (true) {
    const Word seen = word.load(std::memory_order_acquire);
    if (ready()) return;
    word.wait(seen, std::memory_order_acquire);
  }
}

// Lives as long as the process: its threads are never joined.
class Pool {
 public:
  explicit Pool(int threads) : threads_(threads) {
    for (int i = 1; i < threads; ++i) std::thread([this] { Work(); }).detach();
  }

  int threads() const { return threads_; }

  // False if another thread has the pool.
  bool TryRun(int64_t count, int64_t grain, absl::FunctionRef<void(int64_t, int64_t)> f) {
    const std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
    if (!turn.owns_lock()) return false;
    function_ = &f;
    count_ = count;
    grain_ = grain;
    ranges_ = static_cast<uint32_t>((count + grain - 1) / grain);
    exception_ = nullptr;
    finished_.store(0, std::memory_order_relaxed);
    const uint64_t epoch = (ticket_.load(std::memory_order_relaxed) >> 32) + 1;
    ticket_.store(epoch << 32 | ranges_, std::memory_order_release);
    ticket_.notify_all();
    Take(epoch);
    WaitFor(finished_, [this] { return finished_.load(std::memory_order_acquire) == ranges_; });
    if (exception_) std::rethrow_exception(exception_);
    return true;
  }

 private:
  void Work() {
    uint64_t epoch = 0;
    while (true) {
      WaitFor(ticket_, [&] { return ticket_.load(std::memory_order_acquire) >> 32 != epoch; });
      epoch = ticket_.load(std::memory_order_acquire) >> 32;
      Take(epoch);
    }
  }

  // Runs ranges of this epoch's call until none is left. A range that could be taken is one that
  // the call still waits for, so its members are valid.
  void Take(uint64_t epoch) {
    in_parallel_for = true;
    uint64_t ticket = ticket_.load(std::memory_order_acquire);
    while (ticket >> 32 == epoch && static_cast<uint32_t>(ticket) > 0) {
      if (!ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel)) continue;
      RunRange(ranges_ - static_cast<uint32_t>(ticket));
      ticket = ticket_.load(std::memory_order_acquire);
    }
    in_parallel_for = false;
  }

  void RunRange(int64_t range) {
    try {
      const int64_t first = grain_ * range;
      (*function_)(first, std::min(first + grain_, count_));
    } catch (...) {
      const std::scoped_lock lock(exception_mutex_);
      if (!exception_) exception_ = std::current_exception();
    }
    finished_.fetch_add(1, std::memory_order_acq_rel);
    finished_.notify_one();
  }

  const int threads_;
  std::mutex turn_;                  // held by the thread whose call runs
  std::atomic<uint64_t> ticket_{0};  // epoch of the call, and the next range of it to take
  std::atomic<uint32_t> finished_{0};
  // Of the call that runs; written before its epoch is published.
  std::atomic<uint32_t> ranges_{0};
  const absl::FunctionRef<void(int64_t, int64_t)>* function_ = nullptr;
  int64_t count_ = 0, grain_ = 1;
  std::mutex exception_mutex_;
  std::exception_ptr exception_;
};

Pool& SharedPool() {
  static Pool* const pool = new Pool(Threads());
  return *pool;
}

}  // namespace

int Threads() {
  static const int threads = ChooseThreads();
  return threads;
}

int ThreadsFromHere() { return in_parallel_for ? 1 : Threads(); }

void ParallelFor(int64_t count, int64_t grain, absl::FunctionRef<void(int64_t, int64_t)> f) {
  if (count <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  if (count <= grain || in_parallel_for || SharedPool().threads() == 1 ||
      !SharedPool().TryRun(count, grain, f)) {
    for (int64_t begin = 0; begin < count; begin += grain) f(begin, std::min(begin + grain, count));
  }
}

}  // namespace draftp::cpu
