// Makes text from files and users safe to show in a one-line message.
#ifndef DRAFTP_IO_PRINTABLE_H_
#define DRAFTP_IO_PRINTABLE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace draftp {

// `text` with control characters and bytes that aren't UTF-8 as \xNN; of more than `limit` bytes
// the rest becomes "...".
//
//   Printable("a\nb") == "a\\x0ab"
std::string Printable(std::string_view text, size_t limit = 200);

// Printable(text, limit) between double quotes.
std::string Quoted(std::string_view text, size_t limit = 200);

}  // namespace draftp

#endif  // DRAFTP_IO_PRINTABLE_H_
