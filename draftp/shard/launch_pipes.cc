#include "draftp/shard/launch_pipes.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace draftp {
namespace {

constexpr size_t kLongestLine = size_t{64} << 10;
constexpr size_t kMostWaiting = size_t{1} << 20;  // bytes for a reader that is slow

// Whether poll has something for `descriptor` now: `events`, its end or an error.
bool Ready(int descriptor, int16_t events) {
  pollfd polled{descriptor, events, 0};
  return poll(&polled, 1, 0) == 1;
}

}  // namespace

std::string SystemWords(int error) { return std::generic_category().message(error); }

absl::Status Exhausted(const std::string& what, int error) {
  return absl::ResourceExhaustedError(absl::StrCat(what, ": ", SystemWords(error)));
}

Descriptor::Descriptor(int descriptor) : descriptor_(descriptor) {
  if (descriptor < 0 || descriptor > STDERR_FILENO) return;
  descriptor_ = fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int error = errno;
  close(descriptor);
  errno = error;
}

void Descriptor::Close() {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
}

Pipe NewPipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  Pipe pipe{Descriptor(ends[0]), {}};
  pipe.write = Descriptor(ends[1]);
  return pipe;
}

void Outlet::Add(std::string line) {
  waiting_ += line.size();
  lines_.push_back(std::move(line));
}

// A line up to PIPE_BUF, 4 KiB, goes in one write; of more a pipe promises neither that it stays
// whole nor that the write doesn't wait.
void Outlet::Write() {
  while (!lines_.empty() && Ready(stream_, POLLOUT)) {
    const std::string& line = lines_.front();
    const ssize_t size =
        write(stream_, line.data() + written_, std::min<size_t>(line.size() - written_, PIPE_BUF));
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size < 0) {
      Pop();  // what can't be written is dropped
      continue;
    }
    written_ += static_cast<size_t>(size);
    if (written_ == line.size()) Pop();
  }
}

void Outlet::Drop() {
  while (!lines_.empty()) Pop();
}

bool Outlet::full() const { return waiting_ >= kMostWaiting; }

void Outlet::Pop() {
  waiting_ -= lines_.front().size();
  lines_.pop_front();
  written_ = 0;
}

void Inlet::Read() {
  char bytes[kLongestLine];
  const ssize_t size = read(pipe_.get(), bytes, sizeof bytes);
  if (size < 0 && errno == EINTR) return;
  if (size <= 0) return Close();
  std::string_view text(bytes, static_cast<size_t>(size));
  while (!text.empty()) {
    if (text.front() == '\n') {
      text.remove_prefix(1);
      Pass();
      continue;
    }
    if (begun_.size() == kLongestLine) Pass();
    const size_t part = std::min({text.find('\n'), text.size(), kLongestLine - begun_.size()});
    begun_ += text.substr(0, part);
    text.remove_prefix(part);
  }
}

void Inlet::ReadRest() {
  for (size_t most = kMostWaiting; open() && most > 0 && Ready(pipe_.get(), POLLIN);
       most -= kLongestLine) {
    Read();
  }
  if (open()) Close();
}

void Inlet::Pass() { outlet_->Add(absl::StrCat(prefix_, std::exchange(begun_, ""), "\n")); }

void Inlet::Close() {
  if (!begun_.empty()) Pass();
  pipe_.Close();
}

}  // namespace draftp
