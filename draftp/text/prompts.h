// Prompt files: one caption a line.
#ifndef DRAFTP_TEXT_PROMPTS_H_
#define DRAFTP_TEXT_PROMPTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace draftp {

// The captions of a UTF-8 text file in order. Lines end at '\n' alone, so U+2028, U+0085 or a form
// feed stay within a caption; one '\r' before it is dropped, as is a byte-order mark at the start
// of the file. Lines of nothing but spaces and tabs are skipped, all others are kept as they are.
// Errors name the file: unreadable, over 256 MiB, no caption at all, more than 4 million, a line
// (named by number) that isn't UTF-8 or holds a null character or more than 256 KiB.
absl::StatusOr<std::vector<std::string>> ReadPrompts(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_TEXT_PROMPTS_H_
