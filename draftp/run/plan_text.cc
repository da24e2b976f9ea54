#include "draftp/run/plan_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <cmath>

#include "draftp/io/format_bytes.h"

namespace draftp {

std::string PlanTable(const std::string& heading, const PlanRows& rows) {
  std::string text;
  for (const auto& [kind, bytes] : rows) {
    if (bytes != 0)
      absl::StrAppendFormat(&text, "%-7s %-46s %10s\n", heading, kind, FormatBytes(bytes));
  }
  return text;
}

std::string FormatSeconds(double seconds) {
  if (seconds < 99.5) return absl::StrFormat("%.*f s", seconds < 9.95 ? 2 : 0, seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  const int64_t minutes = whole / 60, hours = minutes / 60;
  if (minutes < 60) return absl::StrFormat("%d min %d s", minutes, whole % 60);
  if (hours < 48) return absl::StrFormat("%d h %d min", hours, minutes % 60);
  return absl::StrFormat("%d d %d h", hours / 24, hours % 24);
}

int64_t PngBytes(int64_t width, int64_t height) { return 3 * width * height / 2; }

}  // namespace draftp
