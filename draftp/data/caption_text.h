// Captions from text files, one a line.
#ifndef DRAFTP_DATA_CAPTION_TEXT_H_
#define DRAFTP_DATA_CAPTION_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "draftp/data/caption_list.h"

namespace draftp {

// The captions of a UTF-8 text file, plain or in gzip, or of an open pipe, in order. Lines end at
// '\n' alone, so U+2028, U+0085 or a form feed stay within a caption; one '\r' before it is
// dropped, as is a byte-order mark at the start of the file. Lines of nothing but spaces and tabs
// are passed over; a file of them alone is an empty caption, or with EmptyCaptions::kKeep an error.
// A pipe whose first line is a JSON object is read as caption_json.h does. Errors name the file
// (and line): CaptionList's, ReadCaptionBytes', JSON in a text file.
absl::StatusOr<CaptionSet> ReadCaptionText(const std::string& path, EmptyCaptions empty);

}  // namespace draftp

#endif  // DRAFTP_DATA_CAPTION_TEXT_H_
