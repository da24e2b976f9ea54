// Captions from files of JSON: an object a line, an array, or one object.
#ifndef DRAFTP_DATA_CAPTION_JSON_H_
#define DRAFTP_DATA_CAPTION_JSON_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "draftp/data/caption_list.h"

namespace draftp {

// The captions of a JSON file, plain or in gzip, in its order:
//   {"caption": "a red circle", ...}      an object a line (also of Hugging Face's metadata.jsonl)
//   ["a red circle", {"prompt": "..."}]   an array of texts or objects
//   {"prompts": [...]}                    an object with such an array
// An object's caption is its key that IsCaptionName knows, a text; other keys are ignored, lines of
// nothing but spaces are passed over. Errors name file and line or item: CaptionList's,
// ReadCaptionBytes', a line of more than 1 MiB, an array of more than 64 MiB, malformed JSON, other
// types, no such key or several.
absl::StatusOr<CaptionSet> ReadCaptionJson(const std::string& path, EmptyCaptions empty);

// The same of the file's text; `path` is for messages.
absl::StatusOr<CaptionSet> ParseCaptionJson(const std::string& path, std::string_view text,
                                            EmptyCaptions empty);

// The caption of one object; the error says what was found and expected.
absl::StatusOr<std::string> CaptionOfObject(const nlohmann::json& object);

}  // namespace draftp

#endif  // DRAFTP_DATA_CAPTION_JSON_H_
