// Prompt files: one caption a line.
#ifndef DRAFTP_DATA_PROMPTS_H_
#define DRAFTP_DATA_PROMPTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace draftp {

// The captions of a UTF-8 text file, or of an open pipe, in order. Lines end at '\n' alone, so
// U+2028, U+0085 or a form feed stay within a caption; one '\r' before it is dropped, as is a
// byte-order mark at the start of the file. Lines of nothing but spaces and tabs are skipped, all
// others are kept as they are. Errors name the file: unreadable, over 256 MiB, no caption at all,
// more than 4 million, a line (named by number) that isn't UTF-8 or holds a null character or more
// than 256 KiB.
absl::StatusOr<std::vector<std::string>> ReadPrompts(const std::string& path);

// The same with a check of its own, CheckPrompt's in place, whose message follows file and line.
absl::StatusOr<std::vector<std::string>> ReadPrompts(
    const std::string& path, absl::FunctionRef<absl::Status(std::string_view)> check);

// Limits of every kind of caption file.
inline constexpr int64_t kMaxCaptionFileBytes = 256 << 20;
inline constexpr size_t kMaxCaptionBytes = 256 << 10;  // a PNG's text chunk takes it
inline constexpr size_t kMaxCaptions = 4'000'000;      // short ones take far more memory than file

// Whether a caption is UTF-8 of at most kMaxCaptionBytes without null characters. The message says
// what was found and expected.
absl::Status CheckPrompt(std::string_view caption);

}  // namespace draftp

#endif  // DRAFTP_DATA_PROMPTS_H_
