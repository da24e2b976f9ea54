// Finds the rank for which the others would wait for ever.
#ifndef DRAFTP_SHARD_WATCHDOG_H_
#define DRAFTP_SHARD_WATCHDOG_H_

#include <c10/util/intrusive_ptr.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace c10d {
class Store;
}

namespace draftp {

// Threads of every rank put into a shared store where the rank is (its step, the collective in
// which it waits, how many it has entered) every `beat` seconds, and reads where the others are. So
// it also sees what a process can't tell that waits inside a collective or a CUDA graph. They call
// on_lost once, with a line for the user, where
// - another rank has told of its failure;
// - a rank's beats have stopped for `lost` seconds: it was killed or stopped, or its host is gone;
//   for `suspect` seconds where a collective has failed here;
// - this rank has waited for `timeout` seconds in a collective that others haven't entered: the
//   line names them, and where they are;
// - the store doesn't answer any more.
class Watchdog {
 public:
  struct Options {
    int rank = 0, size = 1;
    double timeout = 600, lost = 30, suspect = 5, beat = 1;  // seconds
    std::string store_holder = "rank 0";                     // whose end ends the store
    bool holds_store = false;  // this process: it ends when the others have heard why
    // On the watchdog's own thread. `line` is empty where another rank says it; `code` is the exit
    // code of whichever failed first, so that all processes of a run end with the same.
    std::function<void(const std::string& line, int code)> on_lost;
  };

  // All ranks make theirs at the same time; returns once all have, or throws c10::Error naming who
  // hasn't come within the time-out.
  Watchdog(c10::intrusive_ptr<c10d::Store> store, Options options);
  // Says that this rank has left in order.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void SetStep(int64_t step);
  // A collective that all ranks enter in this order.
  void Enter(const std::string& what);
  // Around a wait for the others; pairs don't nest.
  void BeginWait(const std::string& what);
  void EndWait();
  // Tells the others of this rank's failure, so that they end with `code`. False where another was
  // first.
  bool Post(const std::string& message, int code);
  // A collective has failed here: doesn't return where a reason is found that ends the process.
  void Suspect();
  // Until all others have left in order, or on_lost was called.
  void WaitForOthersToLeave();

 private:
  using Clock = std::chrono::steady_clock;
  // Where a rank is.
  struct Place {
    int64_t beats = 0, entered = 0, step = -1;
    bool left = false, waits = false;
    std::string what = {};  // the latest collective
  };
  struct Seen {
    Place place;
    Clock::time_point changed;
  };
  struct Verdict {
    bool ends = false;
    std::string line = {};
    bool known = false;  // to all: in the store
    int code = 1;
    bool store_answers = true;
  };

  // The threads.
  void Talk();
  void Watch();
  void Beat();
  void Look();
  // Tells the store of the verdict, while it answers.
  void Tell();
  // Until all others that live have left, three beats at most.
  void LetOthersHear();
  // With mutex_ held, as what follows; lines are "" where there is none.
  Verdict Judge() const;
  double Patience() const;  // seconds without a sign of life
  bool OthersHaveGone() const;
  std::string WhoIsGone(Clock::time_point now) const;
  std::string WhoIsMissing(Clock::time_point now) const;

  c10::intrusive_ptr<c10d::Store> store_;
  Options options_;
  std::mutex store_mutex_;  // one request at a time
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Place own_;
  Clock::time_point waits_since_;
  Clock::time_point answered_at_;  // when the store last did
  bool stops_ = false, suspects_ = false, told_ = false, left_ = false, store_failed_ = false;
  std::optional<Verdict> verdict_;  // the judge's
  bool known_ = false;              // it is in the store
  std::map<int, Seen> others_;
  std::string posted_;  // "RANK\nCODE\nMESSAGE" of whichever failed first
  std::thread talker_, judge_;
};

}  // namespace draftp

#endif  // DRAFTP_SHARD_WATCHDOG_H_
