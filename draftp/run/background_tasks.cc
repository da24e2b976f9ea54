#include "draftp/run/background_tasks.h"

#include <system_error>
#include <utility>

namespace draftp {

BackgroundTasks::BackgroundTasks(int threads) {
  for (int i = 0; i < threads; ++i) {
    try {
      threads_.emplace_back([this] { Work(); });
    } catch (const std::system_error&) {  // a limit of threads
      if (threads_.empty()) throw;
      break;
    }
  }
}

BackgroundTasks::~BackgroundTasks() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  came_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

absl::Status BackgroundTasks::Outcome() const {
  if (thrown_ != nullptr) std::rethrow_exception(thrown_);
  return error_;
}

absl::Status BackgroundTasks::Add(Task task) {
  std::unique_lock lock(mutex_);
  left_.wait(lock, [this] { return HasFailed() || waiting_.size() < 2 * threads_.size(); });
  if (HasFailed()) return Outcome();
  waiting_.push_back(std::move(task));
  came_.notify_one();
  return absl::OkStatus();
}

absl::Status BackgroundTasks::Finish() {
  std::unique_lock lock(mutex_);
  left_.wait(lock, [this] { return waiting_.empty() && running_ == 0; });
  return Outcome();
}

void BackgroundTasks::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    came_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Task task = std::move(waiting_.front());
    waiting_.pop_front();
    ++running_;
    left_.notify_all();
    lock.unlock();
    absl::Status status;
    std::exception_ptr thrown;
    try {
      status = task();
    } catch (...) {
      thrown = std::current_exception();
    }
    task = nullptr;  // what it holds is gone before it counts as run
    lock.lock();
    --running_;
    if (!HasFailed()) {
      error_ = std::move(status);
      thrown_ = std::move(thrown);
      if (HasFailed()) waiting_.clear();
    }
    left_.notify_all();
  }
}

}  // namespace draftp
