// The one place through which a program talks to its user while it runs.
#ifndef DRAFTP_RUN_NOTICES_H_
#define DRAFTP_RUN_NOTICES_H_

#include <cstdint>
#include <map>
#include <ostream>
#include <set>
#include <string>

#include "draftp/run/live_line.h"

namespace draftp {

// Everything begins on a line of its own, also while a live line is on the screen. One thread at a
// time.
class Notices {
 public:
  struct Options {
    std::string program = {};  // begins notes and warnings
    bool terminal = false;
    bool quiet = false;  // only warnings and the result
  };
  Notices(std::ostream& out, Options options);
  Notices(const Notices&) = delete;
  Notices& operator=(const Notices&) = delete;
  ~Notices() { CountRest(); }

  // `train: line`
  void Note(const std::string& line);
  // `train: warning: line`
  void Warn(const std::string& line);
  // A warning of a kind that may come for everything that is read: each line once, ten at most. The
  // others are counted: `train: warning: ... and 37 more captions were cut`, `what` being `caption
  // was cut` and `captions were cut`.
  struct Kind {
    std::string one, many;
  };
  void WarnEach(const Kind& what, const std::string& line);
  // Text as it is, of whole lines; a line feed at its end may lack.
  void Say(const std::string& text);
  // The run's last line, which --quiet shows too.
  void Result(const std::string& line);

  LiveLine& live() { return live_; }

 private:
  struct Seen {
    std::set<uint64_t> lines;  // their hashes
    int64_t shown = 0;
  };
  void Print(const std::string& line);
  void CountRest();

  std::ostream* out_;
  Options options_;
  LiveLine live_;
  std::map<std::string, Seen> seen_;  // by what.many
  std::map<std::string, std::string> singular_;
};

// Of captions that are longer than their text encoders take.
inline const Notices::Kind& CutCaptions() {
  static const auto* const kind = new Notices::Kind{"caption was cut", "captions were cut"};
  return *kind;
}

}  // namespace draftp

#endif  // DRAFTP_RUN_NOTICES_H_
