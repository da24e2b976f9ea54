// Caption text before it is split into words: UTF-8 decoding, normal form C, single spaces, lower
// case.
#ifndef DRAFTP_TEXT_NORMALIZE_H_
#define DRAFTP_TEXT_NORMALIZE_H_

#include <string>
#include <string_view>

namespace draftp {

// Code points of UTF-8 text; each maximal ill-formed part becomes one U+FFFD (Unicode 14, section
// 3.9; Python's errors="replace").
std::u32string DecodeCaption(std::string_view utf8);

// UTF-8 of code points.
std::string EncodeUtf8(std::u32string_view text);

// Normal form C (UAX #15), in O(n log n) also for long runs of marks.
std::u32string ComposeCanonically(std::u32string_view text);

// The normalizer of CLIP's tokenizer: normal form C, each run of white space one U+0020, then lower
// case by character (which may leave normal form C, as in the reference).
std::u32string NormalizeCaption(std::u32string_view text);

}  // namespace draftp

#endif  // DRAFTP_TEXT_NORMALIZE_H_
