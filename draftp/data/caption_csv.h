// Captions from tables: files of values between commas, tabs, semicolons or bars.
#ifndef DRAFTP_DATA_CAPTION_CSV_H_
#define DRAFTP_DATA_CAPTION_CSV_H_

#include <string>

#include "absl/status/statusor.h"
#include "draftp/data/caption_list.h"

namespace draftp {

// The captions of a table (io/csv.h), plain or in gzip, in its order: the column whose name in the
// first row IsCaptionName knows. Its separator is the one of ',', tab, ';' and '|' by which the
// first row has such a column. Without it, the file must have one column, whose every row is a
// caption; a first row that may be the name of a column is an error, so that no name is taken for a
// caption. Errors name file and line: CaptionList's, ReadCaptionBytes', CsvReader's, several
// columns of captions or none.
absl::StatusOr<CaptionSet> ReadCaptionCsv(const std::string& path, EmptyCaptions empty);

}  // namespace draftp

#endif  // DRAFTP_DATA_CAPTION_CSV_H_
