// How many columns of a terminal a text takes, and its beginning that fits into so many.
#ifndef DRAFTP_IO_DISPLAY_WIDTH_H_
#define DRAFTP_IO_DISPLAY_WIDTH_H_

#include <string>
#include <string_view>

namespace draftp {

// Columns of UTF-8 text on one line: 2 for each wide character (CJK, Hangul, kana, emoji), 0 for
// combining marks and joiners, 1 for everything else, bytes that aren't UTF-8 too.
int DisplayWidth(std::string_view text);

// `text`, or its longest beginning that takes at most `columns` with "..." (as much of it as fits).
//
//   FitColumns("sampling", 6) == "sam..."
std::string FitColumns(std::string_view text, int columns);

}  // namespace draftp

#endif  // DRAFTP_IO_DISPLAY_WIDTH_H_
