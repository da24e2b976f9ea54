#include "draftp/run/notices.h"

#include <functional>
#include <utility>

namespace draftp {
namespace {

constexpr int64_t kMostShown = 10;  // warnings of a kind

}  // namespace

Notices::Notices(std::ostream& out, Options options)
    : out_(&out),
      options_(std::move(options)),
      live_(out, {.terminal = options_.terminal, .quiet = options_.quiet}) {}

void Notices::Print(const std::string& line) {
  live_.End();
  *out_ << line << (line.ends_with('\n') ? "" : "\n") << std::flush;
}

void Notices::Note(const std::string& line) {
  if (!options_.quiet) Print(options_.program + ": " + line);
}

void Notices::Warn(const std::string& line) { Print(options_.program + ": warning: " + line); }

void Notices::WarnEach(const Kind& what, const std::string& line) {
  Seen& seen = seen_[what.many];
  singular_[what.many] = what.one;
  if (!seen.lines.insert(std::hash<std::string>()(line)).second || seen.shown == kMostShown) return;
  ++seen.shown;
  Warn(line);
}

void Notices::Say(const std::string& text) {
  if (!options_.quiet) Print(text);
}

void Notices::Result(const std::string& line) {
  CountRest();
  Print(line);
}

void Notices::CountRest() {
  for (auto& [many, seen] : std::exchange(seen_, {})) {
    const int64_t rest = static_cast<int64_t>(seen.lines.size()) - seen.shown;
    if (rest > 0)
      Warn("... and " + std::to_string(rest) + " more " + (rest == 1 ? singular_[many] : many));
  }
}

}  // namespace draftp
