// What a caption to train on must be.
#ifndef DRAFTP_DATA_CAPTION_CHECK_H_
#define DRAFTP_DATA_CAPTION_CHECK_H_

#include <string_view>

#include "absl/status/status.h"

namespace draftp {

// CheckPrompt, and at least one character that says something: not a space (White_Space), a control
// character (C0, C1) or an invisible mark (soft hyphen, zero widths, directions, byte-order mark).
// The message says what was found and expected.
absl::Status CheckCaption(std::string_view caption);

}  // namespace draftp

#endif  // DRAFTP_DATA_CAPTION_CHECK_H_
