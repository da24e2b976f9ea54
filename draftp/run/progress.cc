#include "draftp/run/progress.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "draftp/io/count.h"
#include "draftp/io/display_width.h"

namespace draftp {

double Progress::WallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string FormatDuration(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(std::max(0.0, seconds)));
  const int64_t hours = whole / 3600, minutes = whole / 60 % 60;
  return hours > 0 ? absl::StrFormat("%d:%02d:%02d", hours, minutes, whole % 60)
                   : absl::StrFormat("%d:%02d", minutes, whole % 60);
}

std::string FormatElapsed(double seconds) {
  return seconds < 9.95 ? absl::StrFormat("%.1f s", std::max(0.0, seconds))
                        : FormatDuration(std::round(seconds));
}

Progress::Progress(LiveLine& line, Options options)
    : line_(line), options_(std::move(options)), begin_(options_.seconds()) {
  line_.Begin(begin_);
}

void Progress::SetLabel(std::string label) { label_ = std::move(label); }

void Progress::AddWork(int64_t units) {
  work_ += units;
  Show(false);
}

void Progress::AddImages(int64_t images) {
  images_ += images;
  Show(false);
}

void Progress::Keep(int64_t images, int64_t work) {
  kept_images_ += images;
  kept_work_ += work;
  Show(false);
}

void Progress::Finish() { Show(true); }

void Progress::Show(bool last) {
  const double now = options_.seconds();
  if (!last && !line_.Due(now)) return;
  line_.Draw(Fields(now - begin_), now);
  if (last) line_.End();
}

std::vector<LiveField> Progress::Fields(double elapsed) const {
  const auto share = [](int64_t done, int64_t total) {
    return total > 0 ? std::min(1.0, static_cast<double>(done) / static_cast<double>(total)) : 1.0;
  };
  const double all = share(work_ + kept_work_, options_.total_work);
  std::vector<LiveField> fields = {
      {.rank = 5, .bar = all},
      {.text = absl::StrFormat("%3d%%", static_cast<int>(all * 100)), .rank = 0},
      {.text = absl::StrCat(images_ + kept_images_, "/", Count(options_.total_images, "image")),
       .rank = 1}};
  if (kept_images_ > 0) fields.push_back({.text = absl::StrCat(kept_images_, " kept"), .rank = 3});
  const double own = share(work_, options_.total_work - kept_work_);
  if (work_ > 0 && elapsed > 0) {
    const auto images = static_cast<double>(options_.total_images - kept_images_);
    fields.push_back({.text = absl::StrFormat("%.2f images/s", images * own / elapsed), .rank = 4});
    fields.push_back({.text = own < 1 ? "ETA " + FormatDuration(elapsed / own - elapsed)
                                      : "in " + FormatElapsed(elapsed),
                      .rank = 2});
  }
  if (own < 1 && !label_.empty()) fields.push_back({.text = FitColumns(label_, 24), .rank = 3});
  return fields;
}

}  // namespace draftp
