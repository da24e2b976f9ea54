// Font files of the system, for characters that the program's own typeface lacks.
#ifndef DRAFTP_REPORT_SYSTEM_FONTS_H_
#define DRAFTP_REPORT_SYSTEM_FONTS_H_

#include <string>
#include <vector>

namespace draftp {

// The font files below `folders` that are known to have many scripts or emoji (Noto, WenQuanYi,
// Droid Fallback, Unifont, ...), the best first, upright and of normal weight before others; at
// most 40. Looks at no more than 20,000 names, six folders deep, and follows no links to folders.
std::vector<std::string> FindFonts(const std::vector<std::string>& folders);

// FindFonts of /usr/local/share/fonts and /usr/share/fonts, looked up once.
const std::vector<std::string>& SystemFonts();

}  // namespace draftp

#endif  // DRAFTP_REPORT_SYSTEM_FONTS_H_
