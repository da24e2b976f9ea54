// How the thread that gets a signal asks a training run to save and end.
#ifndef DRAFTP_TRAIN_STOP_REQUEST_H_
#define DRAFTP_TRAIN_STOP_REQUEST_H_

#include <atomic>
#include <cstring>
#include <string>

namespace draftp {

// Asked from any thread. The run looks at it between steps.
class StopRequest {
 public:
  // `signal`: what asks. Returns whether a run is under way, which will save and end. One that
  // begins later ends at once too.
  bool Ask(int signal) {
    signal_ = signal;
    asked_ = true;
    return running_;
  }
  bool asked() const { return asked_; }
  // "SIGTERM".
  std::string reason() const {
    const char* const name = sigabbrev_np(signal_);
    return name == nullptr ? "a signal" : std::string("SIG") + name;
  }

  // A run that has something to save, for the scope.
  class Run {
   public:
    explicit Run(StopRequest& stop) : stop_(stop) { stop_.running_ = true; }
    ~Run() { stop_.running_ = false; }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

   private:
    StopRequest& stop_;
  };

 private:
  std::atomic<bool> asked_ = false;
  std::atomic<int> signal_ = 0;
  std::atomic<bool> running_ = false;
};

}  // namespace draftp

#endif  // DRAFTP_TRAIN_STOP_REQUEST_H_
