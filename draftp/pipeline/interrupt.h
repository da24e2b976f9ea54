// Ctrl-C, SIGTERM and the loss of a mapped file: a thread waits for them, tidies up and ends the
// process, whatever the others are doing.
#ifndef DRAFTP_PIPELINE_INTERRUPT_H_
#define DRAFTP_PIPELINE_INTERRUPT_H_

#include <functional>
#include <string>
#include <thread>

namespace draftp {

// What an InterruptWatcher calls on its own thread before it ends the process. Both remove the
// files that are not whole yet (io/atomic_file.h).
struct InterruptHandlers {
  // SIGINT or SIGTERM; then code 128 + signal (130, 143).
  std::function<void(int signal)> on_signal;
  // SIGBUS: a thread touched a page of a mapped file that is gone, since the file was cut, or can't
  // be read any more; then code 1. `file`: its path, or "" where the system doesn't tell.
  std::function<void(const std::string& file)> on_lost_file;
};

// While it lives, SIGINT and SIGTERM are blocked in the thread that made it and in those started
// since, and SIGBUS leaves the thread that it hits waiting; the first of them runs its handler,
// after which the process ends at once. A step of a large model may take a minute, so nothing waits
// for it. Make one first thing in main, before a library starts threads; one at a time.
class InterruptWatcher {
 public:
  explicit InterruptWatcher(InterruptHandlers handlers);
  ~InterruptWatcher();
  InterruptWatcher(const InterruptWatcher&) = delete;
  InterruptWatcher& operator=(const InterruptWatcher&) = delete;

 private:
  int stop_event_;
  int signal_file_;
  int lost_pipe_[2];  // addresses that SIGBUS was about
  std::thread thread_;
};

// The line for the user after on_lost_file(`file`).
std::string LostFileMessage(const std::string& file);

// The file that this process has mapped at `address`, "" for none.
std::string FileMappedAt(const void* address);

}  // namespace draftp

#endif  // DRAFTP_PIPELINE_INTERRUPT_H_
