// What a caption must be, and which one says nothing.
#ifndef DRAFTP_DATA_CAPTION_CHECK_H_
#define DRAFTP_DATA_CAPTION_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"

namespace draftp {

// Limits of every kind of caption file.
inline constexpr int64_t kMaxCaptionFileBytes = 256 << 20;
inline constexpr size_t kMaxCaptionBytes = 256 << 10;  // a PNG's text chunk takes it
inline constexpr size_t kMaxCaptions = 4'000'000;      // short ones take far more memory than file

// Whether a caption is UTF-8 of at most kMaxCaptionBytes without null characters. The message says
// what was found and expected.
absl::Status CheckCaption(std::string_view caption);

// Whether a character of the UTF-8 text is neither a space (White_Space), a control character (C0,
// C1) nor an invisible mark (soft hyphen, zero widths, directions, byte-order mark).
bool SaysSomething(std::string_view caption);

}  // namespace draftp

#endif  // DRAFTP_DATA_CAPTION_CHECK_H_
