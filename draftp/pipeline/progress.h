// The progress line of long work: a bar redrawn in place on a terminal, plain lines elsewhere.
#ifndef DRAFTP_PIPELINE_PROGRESS_H_
#define DRAFTP_PIPELINE_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

#include "draftp/pipeline/live_line.h"

namespace draftp {

// Work is counted in units of equal cost (a network evaluation of one image), so that the time left
// stays true when steps differ in cost; images are counted beside it. Rates count from the
// construction.
class Progress {
 public:
  struct Options {
    int64_t total_images = 0;
    int64_t total_work = 0;
    bool terminal = false;                          // redraw in place, at most ten times a second
    std::function<double()> seconds = WallSeconds;  // a monotonic clock
  };

  Progress(std::ostream& out, Options options);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Names what is being worked on, in front of the bar.
  void SetLabel(std::string label);
  void AddWork(int64_t units);
  void AddImages(int64_t images);
  // Prints the last state and ends the line.
  void Finish();

  // Seconds of a monotonic clock.
  static double WallSeconds();

 private:
  void Show(bool last);
  std::string Line(double elapsed) const;

  Options options_;
  std::string label_;
  int64_t images_ = 0, work_ = 0;
  double begin_;
  LiveLine line_;
};

// 75 -> "1:15", 3725 -> "1:02:05".
std::string FormatDuration(double seconds);

}  // namespace draftp

#endif  // DRAFTP_PIPELINE_PROGRESS_H_
