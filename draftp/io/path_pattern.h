// Lists of files as users type them: commas, braces and globs.
#ifndef DRAFTP_IO_PATH_PATTERN_H_
#define DRAFTP_IO_PATH_PATTERN_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace draftp {

// The files that `spec` = FILE|PATTERN[,FILE|PATTERN...] names, in that order.
//
//   a.txt,shards/{000..009}.tar,more/*.jsonl
//
// - Commas split, except within braces. No part may be empty.
// - {a,b} stands for each of its parts, which may hold braces themselves; {8..10} for the numbers
//   from one to the other, upwards or downwards, {008..010} with zeros up to the longer's width.
// - *, ? and [..] are glob(7)'s and match files that are there, in byte order of their names,
//   hidden ones not; at least one must match, and a file whose own name has such characters counts.
//   Other names are returned whether or not the file is there.
//
// One-line errors name the part, what was found and what was expected: unbalanced braces, braces of
// no known form, a pattern that matches nothing, a folder that can't be searched, a spec of more
// than 64 KiB, a name of more than 4096 bytes, more than 65536 names.
absl::StatusOr<std::vector<std::string>> ExpandPaths(std::string_view spec);

}  // namespace draftp

#endif  // DRAFTP_IO_PATH_PATTERN_H_
