// What the readers of all kinds of caption files share: their bytes, their names of captions, and
// the list that they fill.
#ifndef DRAFTP_DATA_CAPTION_LIST_H_
#define DRAFTP_DATA_CAPTION_LIST_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace draftp {

// Captions that say nothing (caption_check.h): nothing to train on, but something to draw.
enum class EmptyCaptions : uint8_t { kSkip, kKeep };

struct CaptionSet {
  std::vector<std::string> captions;
  int64_t skipped = 0;             // empty ones
  std::string first_skipped = {};  // its file, and line or member
};

class CaptionList {
 public:
  CaptionList(std::string path, EmptyCaptions empty) : path_(std::move(path)), empty_(empty) {}

  // Takes the caption, or counts it as skipped. `where` is a line or member, for messages; errors:
  // CheckCaption's, more than kMaxCaptions, more than kMaxCaptionFileBytes together.
  absl::Status Add(absl::string_view where, std::string caption);
  // An error that begins with the file, and with `where` unless that is empty.
  absl::Status Error(absl::string_view where, absl::string_view what) const;
  bool blank() const { return set_.captions.empty() && set_.skipped == 0; }
  // An error where nothing was added: `expected` says what could have been.
  absl::StatusOr<CaptionSet> Finish(absl::string_view expected);

 private:
  std::string path_;
  EmptyCaptions empty_;
  CaptionSet set_;
  int64_t bytes_ = 0;
};

// The bytes of a file or stream, unpacked where they are gzip's, without a byte-order mark. Errors
// as ReadFileOrStream's and Gunzip's, the limit being kMaxCaptionFileBytes.
absl::StatusOr<std::string> ReadCaptionBytes(const std::string& path);

// Calls take(line, number) for each line of `text` until it fails; lines end at '\n' alone, one
// '\r' before it is dropped.
absl::Status ForEachLine(std::string_view text,
                         absl::FunctionRef<absl::Status(std::string_view, int64_t)> take);

// Whether a column or key holds captions: caption, prompt or text, or their plurals, in any case.
bool IsCaptionName(std::string_view name);
inline constexpr char kCaptionNames[] = "caption, prompt or text";

}  // namespace draftp

#endif  // DRAFTP_DATA_CAPTION_LIST_H_
