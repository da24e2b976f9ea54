// TensorBoard's event files: scalars, pictures and texts over training steps, and settings.
#ifndef DRAFTP_REPORT_EVENT_FILE_H_
#define DRAFTP_REPORT_EVENT_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/io/append_file.h"

namespace draftp {

// Writes TFRecords (length, masked CRC-32C of it, bytes, masked CRC-32C of them) of
// tensorflow.Event messages (tensorflow/core/util/event.proto, core/framework/summary.proto). Wall
// times are seconds since 1970. Each event is in the file when its call returns; a killed process
// leaves at most one torn record at the end, which readers take for not yet written. Errors name
// the file, as AppendFile's.
//
//   absl::StatusOr<EventFile> events = EventFile::Open(out + "/tensorboard", now);
//   if (absl::Status s = events->AddScalar("train/reward", step, now, reward); !s.ok()) return s;
class EventFile {
 public:
  // Begins FOLDER/events.out.tfevents.SECONDS.HOST.PID.N, never one that is there, and makes the
  // folder where it is absent. A run that goes on at `first_step` > 0 says so: TensorBoard then
  // forgets what earlier files have from that step on.
  static absl::StatusOr<EventFile> Open(const std::string& folder, double wall_time,
                                        int64_t first_step = 0);

  // `value` is stored as float32, NaN and infinity included. Tags like "train/reward" are grouped
  // by what stands before the slash; what isn't printable in one becomes \xNN.
  absl::Status AddScalar(std::string_view tag, int64_t step, double wall_time, double value);

  // `png`: the bytes of a PNG file of `width` x `height` pixels, RGB.
  absl::Status AddImage(std::string_view tag, int64_t step, double wall_time, std::string_view png,
                        int width, int height);

  // Markdown of the text plugin.
  absl::Status AddText(std::string_view tag, int64_t step, double wall_time, std::string_view text);

  // The hparams plugin's session start: the values that runs are compared by, at most one of a
  // name, sorted by it in the file.
  using Hparam = std::pair<std::string, std::variant<double, bool, std::string>>;
  absl::Status AddHparams(double wall_time, const std::vector<Hparam>& hparams);

  absl::Status Flush() { return file_.Sync(); }  // to the disk
  absl::Status Close() { return file_.Close(); }

  const std::string& path() const { return file_.path(); }

 private:
  explicit EventFile(AppendFile file) : file_(std::move(file)) {}

  AppendFile file_;
};

}  // namespace draftp

#endif  // DRAFTP_REPORT_EVENT_FILE_H_
