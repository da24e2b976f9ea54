// The captions that a run trains on, from files of several kinds.
#ifndef DRAFTP_DATA_CAPTIONS_H_
#define DRAFTP_DATA_CAPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace draftp {

// The captions of all files that `spec` = FILE|PATTERN[,FILE|PATTERN...] names (commas, braces and
// globs as in io/path_pattern.h), file after file in that order; one named twice counts twice.
//
//   ReadCaptions("train/{000..009}.tar,more/*.jsonl")
//
// A folder stands for the files of these kinds in it, in byte order, hidden ones not. The kind goes
// by the name's end, in any case:
// - .tar, .tar.gz, .tgz: webdataset shards, caption_tar.h
// - .txt, and an open pipe (/dev/stdin, /dev/fd/63): a caption a line, prompts.h
// - .jsonl: `caption` or `prompt` of an object a line, caption_jsonl.h
// - .csv: column `caption` or `prompt`, or a single column, caption_csv.h
// Each caption passes CheckCaption. One-line errors name file and line or member, what was found
// and what was expected; a file without a caption is one, as are more than 16 million captions in
// all.
absl::StatusOr<std::vector<std::string>> ReadCaptions(const std::string& spec);

}  // namespace draftp

#endif  // DRAFTP_DATA_CAPTIONS_H_
