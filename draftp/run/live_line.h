// The last line of a program's output, which long work keeps up to date.
#ifndef DRAFTP_RUN_LIVE_LINE_H_
#define DRAFTP_RUN_LIVE_LINE_H_

#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace draftp {

// A part of the line. Where the line is too long for the terminal, the part of the largest rank
// goes, and so on; what is left stands in the order given.
struct LiveField {
  std::string text = {};
  int rank = 0;
  double bar = -1;  // from 0 to 1: instead of the text a bar, as wide as there is room
};

// The fields with two spaces between them in at most so many columns; the last one left is cut.
std::string FitFields(std::vector<LiveField> fields, int columns);

// On a terminal redrawn in place within its width, at most ten times a second; elsewhere plain
// lines, one in ten seconds. Times are seconds of a monotonic clock.
//   if (line.Due(now)) line.Draw(fields, now);
class LiveLine {
 public:
  struct Options {
    bool terminal = false;
    bool quiet = false;  // nothing is drawn
    std::function<int()> columns = StderrColumns;
  };
  LiveLine(std::ostream& out, Options options) : out_(&out), options_(std::move(options)) {}
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;
  // Ends a line that work which was cut short has left, so that the error stands on its own.
  ~LiveLine() { End(); }

  // As if a line had been drawn then.
  void Begin(double now) { shown_at_ = now; }
  bool Due(double now) const { return now - shown_at_ >= (options_.terminal ? 0.1 : 10.0); }
  void Draw(const std::vector<LiveField>& fields, double now);
  // What is printed next begins on a line of its own.
  void End();

  static int StderrColumns();

 private:
  std::ostream* out_;
  Options options_;
  double shown_at_ = 0;
  int width_ = 0;  // columns of the line on the screen
  bool open_ = false;
};

}  // namespace draftp

#endif  // DRAFTP_RUN_LIVE_LINE_H_
