// How the thread that gets a signal asks a training run to save and end.
#ifndef DRAFTP_TRAIN_STOP_REQUEST_H_
#define DRAFTP_TRAIN_STOP_REQUEST_H_

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>

namespace draftp {

// Asked once, from any thread. The run looks at it between steps.
class StopRequest {
 public:
  // Asks, and waits until the run has ended (it has saved, or failed). `signal`: what asks.
  void AskAndWait(int signal) {
    signal_ = signal;
    asked_ = true;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ == 0; });
  }
  bool asked() const { return asked_; }
  // "SIGTERM".
  std::string reason() const {
    const char* const name = sigabbrev_np(signal_);
    return name == nullptr ? "a signal" : std::string("SIG") + name;
  }

  // A run that AskAndWait waits for, for the scope.
  class Run {
   public:
    explicit Run(StopRequest& stop) : stop_(stop) {
      const std::lock_guard lock(stop_.mutex_);
      ++stop_.running_;
    }
    ~Run() {
      const std::lock_guard lock(stop_.mutex_);
      --stop_.running_;
      stop_.changed_.notify_all();
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

   private:
    StopRequest& stop_;
  };

 private:
  std::atomic<bool> asked_ = false;
  std::atomic<int> signal_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  int running_ = 0;
};

}  // namespace draftp

#endif  // DRAFTP_TRAIN_STOP_REQUEST_H_
