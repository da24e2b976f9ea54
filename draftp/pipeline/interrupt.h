// Ctrl-C and SIGTERM: a thread waits for them, tidies up and ends the process, whatever the others
// are doing.
#ifndef DRAFTP_PIPELINE_INTERRUPT_H_
#define DRAFTP_PIPELINE_INTERRUPT_H_

#include <functional>
#include <thread>

namespace draftp {

// While it lives, SIGINT and SIGTERM are blocked in the thread that made it and in those started
// since; the first of them runs `on_signal` on the watcher's own thread, after which the process
// ends at once with code 128 + signal (130, 143). A step of a large model may take a minute, so
// nothing waits for it; on_signal removes the files that are not whole yet (io/atomic_file.h). Make
// one first thing in main, before a library starts threads.
class InterruptWatcher {
 public:
  explicit InterruptWatcher(std::function<void(int signal)> on_signal);
  ~InterruptWatcher();
  InterruptWatcher(const InterruptWatcher&) = delete;
  InterruptWatcher& operator=(const InterruptWatcher&) = delete;

 private:
  int stop_event_;
  int signal_file_;
  std::thread thread_;
};

}  // namespace draftp

#endif  // DRAFTP_PIPELINE_INTERRUPT_H_
