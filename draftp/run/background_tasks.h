// Work that goes on beside the caller's: files that are written while the next are computed.
#ifndef DRAFTP_RUN_BACKGROUND_TASKS_H_
#define DRAFTP_RUN_BACKGROUND_TASKS_H_

#include <absl/status/status.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace draftp {

// Runs tasks on threads of its own, begun in the order in which they came. Once one has failed, no
// other is begun. The destructor runs what waits.
class BackgroundTasks {
 public:
  using Task = std::function<absl::Status()>;

  // As many threads as the system gives, up to `threads`; throws std::system_error if none.
  explicit BackgroundTasks(int threads);
  ~BackgroundTasks();
  BackgroundTasks(const BackgroundTasks&) = delete;
  BackgroundTasks& operator=(const BackgroundTasks&) = delete;

  // Returns once fewer than two tasks a thread wait. The error of a task that has failed, or what
  // it has thrown, thrown again; `task` is dropped then.
  absl::Status Add(Task task);

  // Returns once all have run. Errors as above.
  absl::Status Finish();

 private:
  void Work();
  bool HasFailed() const { return !error_.ok() || thrown_ != nullptr; }
  absl::Status Outcome() const;

  std::mutex mutex_;
  std::condition_variable came_, left_;  // a task has come; one has begun or ended
  std::deque<Task> waiting_;
  int running_ = 0;
  bool closed_ = false;
  absl::Status error_;
  std::exception_ptr thrown_;
  std::vector<std::thread> threads_;
};

}  // namespace draftp

#endif  // DRAFTP_RUN_BACKGROUND_TASKS_H_
