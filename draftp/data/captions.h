// The captions that a run trains on or draws, from files of several kinds.
#ifndef DRAFTP_DATA_CAPTIONS_H_
#define DRAFTP_DATA_CAPTIONS_H_

#include <string>

#include "absl/status/statusor.h"
#include "draftp/data/caption_list.h"

namespace draftp {

// The captions of all files that `spec` = FILE|PATTERN[,FILE|PATTERN...] names (commas, braces and
// globs as in io/path_pattern.h), file after file in that order; one named twice counts twice.
//
//   ReadCaptions("train/{000..009}.tar,more/*.jsonl", EmptyCaptions::kSkip)->captions
//
// A folder stands for the files of these kinds in it, in byte order, hidden ones not; of X.txt and
// X.caption for X.txt alone, and for .json files where it has no others. The kind goes by the
// name's end, in any case, and all but .tgz may have .gz behind it:
// - .tar, .tgz: webdataset shards, caption_tar.h
// - .txt, .caption, and an open pipe (/dev/stdin, /dev/fd/63): a caption a line, caption_text.h
// - .jsonl, .ndjson, .json: JSON, caption_json.h
// - .csv, .tsv: tables, caption_csv.h
// One-line errors name file and line or member, what was found and what was expected; a file
// without a caption is one, as are more than 16 million captions in all, and empty ones alone.
absl::StatusOr<CaptionSet> ReadCaptions(const std::string& spec, EmptyCaptions empty);

// `3 empty captions are skipped, the first in FILE: line 7`, or "" where none was.
std::string SkippedNotice(const CaptionSet& set);

}  // namespace draftp

#endif  // DRAFTP_DATA_CAPTIONS_H_
