// The progress line of work that is counted in bytes.
#ifndef DRAFTP_CONVERT_BYTE_PROGRESS_H_
#define DRAFTP_CONVERT_BYTE_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "draftp/checkpoint/single_file_writer.h"
#include "draftp/run/live_line.h"
#include "draftp/run/progress.h"

namespace draftp {

// One piece of work after the other: writing, verifying, the layers of an extraction. Where `line`
// is null, nothing is shown.
class ByteProgress {
 public:
  // `line` must outlive it; `seconds`: a monotonic clock.
  explicit ByteProgress(LiveLine* line = nullptr,
                        std::function<double()> seconds = Progress::WallSeconds)
      : line_(line), seconds_(std::move(seconds)) {}
  ByteProgress(const ByteProgress&) = delete;
  ByteProgress& operator=(const ByteProgress&) = delete;

  void Begin(std::string what, int64_t bytes);
  void Add(int64_t bytes);
  // Prints the last state and ends the line: what is printed next stands below it.
  void Finish();

 private:
  void Show(double now);

  LiveLine* line_;
  std::function<double()> seconds_;
  std::string what_;
  int64_t done_ = 0, total_ = 0;
  double begin_ = 0;
};

// The same tensors, each of which adds its bytes when it has been made. `progress` must outlive
// them.
TensorsToWrite Watched(const TensorsToWrite& tensors, ByteProgress& progress);

}  // namespace draftp

#endif  // DRAFTP_CONVERT_BYTE_PROGRESS_H_
