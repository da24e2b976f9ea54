// The lines of a plan (--dry_run) that every program has.
#ifndef DRAFTP_RUN_PLAN_TEXT_H_
#define DRAFTP_RUN_PLAN_TEXT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace draftp {

// What something takes, by kind, in bytes.
using PlanRows = std::vector<std::pair<std::string, int64_t>>;

// "memory  trained values          1.06 MiB", a line a row; rows of 0 bytes are left out.
std::string PlanTable(const std::string& heading, const PlanRows& rows);

// A span of time as people say it: "0.42 s", "12 min 5 s", "3 h 20 min", "2 d 4 h".
std::string FormatSeconds(double seconds);

// Bytes of a PNG of width x height: half of what its pixels take, which pictures are near.
int64_t PngBytes(int64_t width, int64_t height);

}  // namespace draftp

#endif  // DRAFTP_RUN_PLAN_TEXT_H_
