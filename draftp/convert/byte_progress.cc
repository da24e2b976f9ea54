#include "draftp/convert/byte_progress.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <vector>

#include "draftp/io/format_bytes.h"

namespace draftp {

void ByteProgress::Begin(std::string what, int64_t bytes) {
  what_ = std::move(what);
  done_ = 0;
  total_ = bytes;
  begin_ = seconds_();
  if (line_ != nullptr) line_->Begin(begin_);
}

void ByteProgress::Add(int64_t bytes) {
  done_ = std::min(total_, done_ + bytes);
  if (line_ == nullptr) return;
  if (const double now = seconds_(); line_->Due(now)) Show(now);
}

void ByteProgress::Finish() {
  if (line_ == nullptr) return;
  done_ = total_;
  Show(seconds_());
  line_->End();
}

void ByteProgress::Show(double now) {
  const double elapsed = now - begin_;
  const double share = total_ > 0 ? static_cast<double>(done_) / static_cast<double>(total_) : 1.0;
  std::vector<LiveField> fields = {
      {.text = what_, .rank = 3},
      {.rank = 5, .bar = share},
      {.text = absl::StrFormat("%3d%%", static_cast<int>(share * 100)), .rank = 0},
      {.text = absl::StrCat(FormatBytes(done_), "/", FormatBytes(total_)), .rank = 1}};
  if (done_ > 0 && elapsed > 0) {
    const auto rate = static_cast<int64_t>(static_cast<double>(done_) / elapsed);
    fields.push_back({.text = FormatBytes(rate) + "/s", .rank = 4});
    fields.push_back({.text = share < 1 ? "ETA " + FormatDuration(elapsed / share - elapsed)
                                        : "in " + FormatElapsed(elapsed),
                      .rank = 2});
  }
  line_->Draw(fields, now);
}

TensorsToWrite Watched(const TensorsToWrite& tensors, ByteProgress& progress) {
  TensorsToWrite watched;
  for (const auto& [name, tensor] : tensors) {
    const auto make = [make = tensor.make, &progress]() -> absl::StatusOr<at::Tensor> {
      absl::StatusOr<at::Tensor> made = make();
      if (made.ok()) progress.Add(static_cast<int64_t>(made->nbytes()));
      return made;
    };
    watched[name] = {tensor.dtype, tensor.shape, make};
  }
  return watched;
}

}  // namespace draftp
