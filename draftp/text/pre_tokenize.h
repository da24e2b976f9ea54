// Splits normalized caption text into the words that byte-pair encoding works on.
#ifndef DRAFTP_TEXT_PRE_TOKENIZE_H_
#define DRAFTP_TEXT_PRE_TOKENIZE_H_

#include <string_view>
#include <vector>

namespace draftp {

// CLIP's pattern, by a scanner over Unicode classes instead of a regular expression:
//   's|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
// that is: English contractions, runs of letters, single numerals, runs of anything else that isn't
// white space. "<|startoftext|>" and "<|endoftext|>" at the start of a word end it behind them and
// give three words, "<|", "endoftext", "|>" (the reference's pattern names them, and its byte-level
// step splits them again). The views point into `text`.
std::vector<std::u32string_view> SplitIntoWords(std::u32string_view text);

}  // namespace draftp

#endif  // DRAFTP_TEXT_PRE_TOKENIZE_H_
