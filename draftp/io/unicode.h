// What captions need of Unicode: character class, lower case, canonical decomposition and
// composition.
//
// The answers are those of the `tokenizers` library (0.23), which mixes three ages of the standard:
// its regular expressions know Unicode 16, its lower case 17, and its normal form C knows the
// combining classes and compositions of Unicode 9. The tables of unicode.cc settle where utf8proc
// (Unicode 15) says otherwise; a golden over every code point holds them true.
#ifndef DRAFTP_IO_UNICODE_H_
#define DRAFTP_IO_UNICODE_H_

#include <cstdint>
#include <string>

namespace draftp {

enum class CharacterClass : uint8_t {
  kLetter,  // \p{L}
  kNumber,  // \p{N}
  kSpace,   // \s: the property White_Space
  kOther,
};

// All of these take code points up to U+10FFFF, assigned or not, surrogates excluded.

CharacterClass ClassOf(char32_t c);

// Appends the full lower case of one character, without regard to its neighbours: a final sigma
// isn't told apart, and U+0130 becomes "i" and U+0307.
void AppendLowerCase(char32_t c, std::u32string& out);

// Canonical combining class, 0 to 254.
int CombiningClass(char32_t c);

// Appends the full canonical decomposition, which is `c` itself for most.
void AppendDecomposition(char32_t c, std::u32string& out);

// The primary composite of two characters that stand side by side, or 0 if there is none.
char32_t Compose(char32_t first, char32_t second);

}  // namespace draftp

#endif  // DRAFTP_IO_UNICODE_H_
