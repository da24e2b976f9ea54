// The numbers of log.jsonl and validation.jsonl, read back as series over steps.
#ifndef DRAFTP_TRAIN_RUN_LINES_H_
#define DRAFTP_TRAIN_RUN_LINES_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace draftp {

// One number over steps; null in the file is NaN here.
struct RunSeries {
  std::vector<double> step, value;  // of equal sizes, steps ascend
};

struct RunLines {
  std::map<std::string, RunSeries> series;  // by key, those of inner objects as "tuned/reward"
  std::vector<int64_t> steps;               // of every line that counts, ascending
  std::string warning;  // the first line that doesn't count and why, and how many more; empty: none

  // The series of a key; empty where no line has it.
  const RunSeries& operator[](const std::string& key) const;
  // The last line's number, NaN where it has none.
  double Last(const std::string& key) const;
};

// Reads one JSON object a line; `source` names the file in the warning. Any bytes are taken: a line
// counts when it is an object of at most 1 MiB whose "step" is an integer from 0 to 1e15 above the
// steps before it. What isn't a number or null is passed over, and so are keys beyond the first
// 256.
RunLines ParseRunLines(const std::string& source, std::string_view text);

// ParseRunLines of a file of at most 1 GiB. No lines, and a warning, where it can't be read; no
// lines alone where it is absent.
RunLines ReadRunLines(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_RUN_LINES_H_
