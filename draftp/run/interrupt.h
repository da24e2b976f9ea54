// Signals that stop a program, and the loss of a mapped file: a thread waits for them, and has the
// work saved and ended or ends the process, whatever the other threads are doing.
#ifndef DRAFTP_RUN_INTERRUPT_H_
#define DRAFTP_RUN_INTERRUPT_H_

#include <atomic>
#include <functional>
#include <string>
#include <thread>

namespace draftp {

// What an InterruptWatcher calls on its own thread.
struct InterruptHandlers {
  // The first signal that stops: asks the work to save and end, and returns true; or returns false,
  // and the process ends at once.
  std::function<bool(int signal)> on_signal;
  // SIGBUS: a thread touched a page of a mapped file that is gone, since the file was cut, or can't
  // be read any more; then code 1. `file`: its path, or "" where the system doesn't tell.
  std::function<void(const std::string& file)> on_lost_file;
  // Before the process is ended here: removes what is half written.
  std::function<void()> tidy;
};

// While it lives, these signals stop the program, each unless it was ignored when the program
// started (nohup, a background job's Ctrl-C):
//
//   SIGINT, SIGTERM      Ctrl-C, kill
//   SIGHUP               a terminal that closes
//   SIGUSR1              a cluster that takes the machine back (sbatch --signal, submitit)
//   SIGXCPU              the limit of processor time (ulimit -t)
//   SIGPIPE              who reads the program's output has gone
//
// The process ends with code 128 + signal: at once; or, where on_signal says that the work saves
// and ends, by main with ExitCode(), and at once at the next SIGINT or SIGTERM. The signals are
// blocked in the thread that made it and in those started since (SIGPIPE is handled), and SIGBUS
// leaves the thread that it hits waiting. Make one first thing in main, before a library starts
// threads; one at a time.
class InterruptWatcher {
 public:
  // Throws std::system_error where the system has no thread or descriptor for it.
  explicit InterruptWatcher(InterruptHandlers handlers);
  ~InterruptWatcher();
  InterruptWatcher(const InterruptWatcher&) = delete;
  InterruptWatcher& operator=(const InterruptWatcher&) = delete;

  // `code`, or 128 + signal where that is 0 and a signal has come.
  int ExitCode(int code) const;

 private:
  struct Files;  // descriptors that the thread waits for
  void Watch(const Files& files, const InterruptHandlers& handlers);

  std::atomic<int> asked_ = 0;  // the first signal
  int stop_event_ = -1;
  int signal_file_ = -1;
  int told_pipe_[2] = {-1, -1};  // what the handlers of SIGBUS and SIGPIPE tell
  std::thread thread_;
};

// The line for the user after on_lost_file(`file`).
std::string LostFileMessage(const std::string& file);

// The file that this process has mapped at `address`, "" for none.
std::string FileMappedAt(const void* address);

}  // namespace draftp

#endif  // DRAFTP_RUN_INTERRUPT_H_
