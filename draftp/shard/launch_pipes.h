// Descriptors, pipes, and lines on their way through them without waiting.
#ifndef DRAFTP_SHARD_LAUNCH_PIPES_H_
#define DRAFTP_SHARD_LAUNCH_PIPES_H_

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

namespace draftp {

// The system's words for an errno.
std::string SystemWords(int error);
// ResourceExhausted: `what` and the system's words.
absl::Status Exhausted(const std::string& what, int error);

// An open file of this process; closed with it.
class Descriptor {
 public:
  Descriptor() = default;
  // Takes over `descriptor`, moved above the three standard ones: they may be closed.
  explicit Descriptor(int descriptor);
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Descriptor() { Close(); }

  void Close();
  int get() const { return descriptor_; }
  bool ok() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

struct Pipe {
  Descriptor read, write;
  bool ok() const { return read.ok() && write.ok(); }
};

Pipe NewPipe();

// Lines on their way to one of this process's streams, whose reader may be slow or gone.
class Outlet {
 public:
  explicit Outlet(int stream) : stream_(stream) {}

  void Add(std::string line);
  // Writes what can be written without waiting.
  void Write();
  void Drop();

  int stream() const { return stream_; }
  bool empty() const { return lines_.empty(); }
  // Whether it has as much as a slow reader is to be read for.
  bool full() const;

 private:
  void Pop();

  int stream_;
  std::deque<std::string> lines_;
  size_t waiting_ = 0;  // bytes
  size_t written_ = 0;  // of the first line
};

// What one process writes to one stream, line by line to an outlet, which must outlive it.
class Inlet {
 public:
  Inlet() = default;
  Inlet(Descriptor pipe, std::string prefix, Outlet* outlet)
      : pipe_(std::move(pipe)), prefix_(std::move(prefix)), outlet_(outlet) {}

  // Reads once, and closes at the end.
  void Read();
  // Reads what is there now, of a process that has ended; one that it started may write on.
  void ReadRest();

  bool open() const { return pipe_.ok(); }
  // For poll: -1, which it skips, while the outlet has enough.
  int descriptor() const { return open() && !outlet_->full() ? pipe_.get() : -1; }

 private:
  void Pass();
  void Close();

  Descriptor pipe_;
  std::string prefix_;
  std::string begun_;  // a line that hasn't ended
  Outlet* outlet_ = nullptr;
};

}  // namespace draftp

#endif  // DRAFTP_SHARD_LAUNCH_PIPES_H_
