// The last line of a program's output, which long work keeps up to date.
#ifndef DRAFTP_PIPELINE_LIVE_LINE_H_
#define DRAFTP_PIPELINE_LIVE_LINE_H_

#include <cstddef>
#include <ostream>
#include <string>
#include <utility>

namespace draftp {

// On a terminal redrawn in place, at most ten times a second; elsewhere plain lines, one in ten
// seconds. Times are seconds of a monotonic clock.
//   if (line.Due(now)) line.Draw(text, now);
class LiveLine {
 public:
  // `shown_at`: as if the last line had been drawn then.
  LiveLine(std::ostream& out, bool terminal, double shown_at)
      : out_(&out), terminal_(terminal), shown_at_(shown_at) {}
  LiveLine(LiveLine&& other) noexcept
      : out_(other.out_),
        terminal_(other.terminal_),
        shown_at_(other.shown_at_),
        width_(other.width_),
        open_(std::exchange(other.open_, false)) {}
  LiveLine& operator=(LiveLine&&) = delete;
  // Ends a line that work which was cut short has left, so that the error stands on its own.
  ~LiveLine() { End(); }

  bool Due(double now) const { return now - shown_at_ >= (terminal_ ? 0.1 : 10.0); }

  void Draw(std::string line, double now) {
    shown_at_ = now;
    if (!terminal_) {
      *out_ << line << '\n' << std::flush;
      return;
    }
    const size_t width = line.size();
    if (width < width_) line.append(width_ - width, ' ');
    width_ = width;
    *out_ << '\r' << line << std::flush;
    open_ = true;
  }

  // What is printed next begins on a line of its own.
  void End() {
    if (std::exchange(open_, false)) *out_ << '\n' << std::flush;
  }

 private:
  std::ostream* out_;
  bool terminal_;
  double shown_at_;
  size_t width_ = 0;
  bool open_ = false;
};

}  // namespace draftp

#endif  // DRAFTP_PIPELINE_LIVE_LINE_H_
