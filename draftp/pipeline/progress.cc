#include "draftp/pipeline/progress.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace draftp {
namespace {

constexpr int kBarWidth = 24;

}  // namespace

double Progress::WallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string FormatDuration(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(std::max(0.0, seconds)));
  const int64_t hours = whole / 3600, minutes = whole / 60 % 60;
  return hours > 0 ? absl::StrFormat("%d:%02d:%02d", hours, minutes, whole % 60)
                   : absl::StrFormat("%d:%02d", minutes, whole % 60);
}

Progress::Progress(std::ostream& out, Options options)
    : options_(std::move(options)),
      begin_(options_.seconds()),
      line_(out, options_.terminal, begin_) {}

void Progress::SetLabel(std::string label) { label_ = std::move(label); }

void Progress::AddWork(int64_t units) {
  work_ += units;
  Show(false);
}

void Progress::AddImages(int64_t images) {
  images_ += images;
  Show(false);
}

void Progress::Finish() { Show(true); }

void Progress::Show(bool last) {
  const double now = options_.seconds();
  if (!last && !line_.Due(now)) return;
  line_.Draw(Line(now - begin_), now);
  if (last) line_.End();
}

std::string Progress::Line(double elapsed) const {
  const double share =
      options_.total_work > 0 ? std::min(1.0, double(work_) / double(options_.total_work)) : 1.0;
  const int filled = static_cast<int>(share * kBarWidth);
  std::string line = absl::StrFormat("%-12s [%s%s] %3d%%  %d/%d images", label_,
                                     std::string(filled, '#'), std::string(kBarWidth - filled, '.'),
                                     int(share * 100), images_, options_.total_images);
  if (work_ > 0 && elapsed > 0) {
    const double rate = double(options_.total_images) * share / elapsed;
    absl::StrAppendFormat(&line, "  %.2f images/s  ", rate);
    line += share < 1 ? "ETA " + FormatDuration(elapsed / share - elapsed)
                      : "in " + FormatDuration(elapsed);
  }
  return line;
}

}  // namespace draftp
