#include "draftp/run/live_line.h"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <limits>

#include "draftp/io/display_width.h"
#include "draftp/run/terminal.h"

namespace draftp {
namespace {

constexpr int kShortestBar = 8, kLongestBar = 24;  // without its brackets

std::string Bar(double share, int width) {
  const int filled = static_cast<int>(std::clamp(share, 0.0, 1.0) * width);
  return "[" + std::string(static_cast<size_t>(filled), '#') +
         std::string(static_cast<size_t>(width - filled), '.') + "]";
}

std::string Joined(const std::vector<LiveField>& fields, int bar_width) {
  std::string line;
  for (const LiveField& field : fields) {
    line += line.empty() ? "" : "  ";
    line += field.bar >= 0 ? Bar(field.bar, bar_width) : field.text;
  }
  return line;
}

}  // namespace

std::string FitFields(std::vector<LiveField> fields, int columns) {
  for (;;) {
    const std::string line = Joined(fields, kShortestBar);
    const int spare = columns - DisplayWidth(line);
    if (spare >= 0)
      return Joined(fields, kShortestBar + std::min(spare, kLongestBar - kShortestBar));
    if (fields.size() < 2) return FitColumns(line, columns);
    fields.erase(std::ranges::max_element(fields, {}, &LiveField::rank));
  }
}

int LiveLine::StderrColumns() { return TerminalColumns(STDERR_FILENO); }

void LiveLine::Draw(const std::vector<LiveField>& fields, double now) {
  shown_at_ = now;
  if (options_.quiet) return;
  if (!options_.terminal) {
    *out_ << FitFields(fields, std::numeric_limits<int>::max()) << '\n' << std::flush;
    return;
  }
  const int columns = options_.columns() - 1;  // in the last one some terminals wrap
  if (width_ > columns) End();                 // a narrower terminal has wrapped what is there
  std::string line = FitFields(fields, columns);
  const int width = DisplayWidth(line);
  if (width < width_) line.append(static_cast<size_t>(width_ - width), ' ');
  width_ = width;
  *out_ << '\r' << line << std::flush;
  open_ = true;
}

void LiveLine::End() {
  width_ = 0;
  if (std::exchange(open_, false)) *out_ << '\n' << std::flush;
}

}  // namespace draftp
