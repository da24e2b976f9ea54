// Captions from files of comma-separated values.
#ifndef DRAFTP_DATA_CAPTION_CSV_H_
#define DRAFTP_DATA_CAPTION_CSV_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace draftp {

// The captions of a CSV file (io/csv.h) in its order: the column that the first row calls "caption"
// or "prompt"; without such a row, the file must have one column, whose every row is a caption.
// Errors name file and line: unreadable, more than kMaxCaptionFileBytes, CsvReader's, both columns
// or one of them twice, several columns and neither, a caption that CheckCaption refuses, none at
// all, more than kMaxCaptions.
absl::StatusOr<std::vector<std::string>> ReadCaptionCsv(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_DATA_CAPTION_CSV_H_
