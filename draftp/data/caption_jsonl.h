// Captions from files of a JSON object a line.
#ifndef DRAFTP_DATA_CAPTION_JSONL_H_
#define DRAFTP_DATA_CAPTION_JSONL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace draftp {

// The captions of a JSONL file in its order: each line's key "caption" or "prompt", a text; other
// keys are ignored, lines of nothing but spaces are skipped. Errors name file and line: unreadable,
// more than kMaxCaptionFileBytes, a line of more than 1 MiB, malformed JSON, no object, both keys
// or neither, no text, a caption that CheckCaption refuses, none at all, more than kMaxCaptions.
absl::StatusOr<std::vector<std::string>> ReadCaptionJsonl(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_DATA_CAPTION_JSONL_H_
