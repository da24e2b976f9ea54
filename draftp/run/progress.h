// The progress line of long work: a bar redrawn in place on a terminal, plain lines elsewhere.
#ifndef DRAFTP_RUN_PROGRESS_H_
#define DRAFTP_RUN_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "draftp/run/live_line.h"

namespace draftp {

// Work is counted in units of equal cost (a network evaluation of one image), so that the time left
// stays true when steps differ in cost; images are counted beside it. What an earlier run has left
// is counted apart, and in no rate. Rates count from the construction.
class Progress {
 public:
  struct Options {
    int64_t total_images = 0;
    int64_t total_work = 0;
    std::function<double()> seconds = WallSeconds;  // a monotonic clock
  };

  // `line` must outlive it.
  Progress(LiveLine& line, Options options);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Names what is being worked on.
  void SetLabel(std::string label);
  void AddWork(int64_t units);
  void AddImages(int64_t images);
  // Images that are there already, and the work that they would have been.
  void Keep(int64_t images, int64_t work);
  // Prints the last state and ends the line.
  void Finish();

  // Seconds of a monotonic clock.
  static double WallSeconds();

 private:
  void Show(bool last);
  std::vector<LiveField> Fields(double elapsed) const;

  LiveLine& line_;
  Options options_;
  std::string label_;
  int64_t images_ = 0, work_ = 0;            // of this run
  int64_t kept_images_ = 0, kept_work_ = 0;  // of earlier ones
  double begin_;
};

// The seconds that are left, rounded up: 75 -> "1:15", 3725 -> "1:02:05".
std::string FormatDuration(double seconds);

// The seconds that something took: 0.31 -> "0.3 s", 75 -> "1:15".
std::string FormatElapsed(double seconds);

}  // namespace draftp

#endif  // DRAFTP_RUN_PROGRESS_H_
