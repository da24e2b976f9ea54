// What the pages have in common: head with its policy, warnings, tables of settings, links, data.
#ifndef DRAFTP_REPORT_PAGE_PARTS_H_
#define DRAFTP_REPORT_PAGE_PARTS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace draftp {

// What a page is made with.
struct PageFrame {
  std::string title;
  std::string style;                // CSS of the one <style>
  std::string script = {};          // of the one script that may run; empty: none may
  bool pictures_beside_it = false;  // whether it may load pictures from its own place, too
};

// From the doctype to <body> and the heading. The page forbids itself (Content Security Policy,
// level 2) whatever isn't its style, its script, both named by their SHA-256, or a picture in a
// data URI.
std::string BeginPage(const PageFrame& frame);

// The frame's script and the page's end. What stands in `frame.script` can't close its element.
std::string EndPage(const PageFrame& frame);

// A list; nothing for no warnings.
std::string WarningList(const std::vector<std::string>& warnings);

// A table of names and values; nothing for no rows.
std::string SettingTable(const std::vector<std::pair<std::string, std::string>>& rows);

// `path`, relative to the page, as a link that leads nowhere else: "./a/b%20c.png". Each part
// between slashes keeps RFC 3986's unreserved characters, all other bytes become %XX; a scheme, a
// host or a leading slash are such parts of a relative path. "" for "".
std::string RelativeLink(std::string_view path);

// JSON for <script type="application/json">: < > & and U+2028, U+2029 as \uXXXX, which in JSON
// stand inside strings alone. The document's value is the same.
std::string ScriptJson(std::string_view json);

}  // namespace draftp

#endif  // DRAFTP_REPORT_PAGE_PARTS_H_
