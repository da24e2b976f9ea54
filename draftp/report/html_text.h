// Text inside HTML.
#ifndef DRAFTP_REPORT_HTML_TEXT_H_
#define DRAFTP_REPORT_HTML_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "draftp/io/utf8.h"

namespace draftp {

// `text` for an element or a quoted attribute: & < > " ' as references; control characters but tab
// and line feed, and what isn't UTF-8, as U+FFFD.
inline std::string HtmlText(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Utf8Character c = DecodeUtf8(text);
    const char32_t code = c.code_point;
    const bool control =
        (code < 0x20 && code != '\t' && code != '\n') || (code >= 0x7F && code < 0xA0);
    if (code == '&') {
      out += "&amp;";
    } else if (code == '<') {
      out += "&lt;";
    } else if (code == '>') {
      out += "&gt;";
    } else if (code == '"') {
      out += "&quot;";
    } else if (code == '\'') {
      out += "&#39;";
    } else {
      AppendUtf8(control ? kReplacementCharacter : code, out);
    }
    text.remove_prefix(static_cast<size_t>(c.length));
  }
  return out;
}

}  // namespace draftp

#endif  // DRAFTP_REPORT_HTML_TEXT_H_
