// Escapes and frames; every text goes through HtmlText.
#include "draftp/report/page_parts.h"

#include <charconv>
#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "draftp/io/file_hash.h"
#include "draftp/report/base64.h"
#include "draftp/report/html_text.h"

namespace draftp {
namespace {

// A source of Content Security Policy that allows this text (CSP level 2, section 4.2.5).
std::string HashSource(std::string_view text) {
  const std::string digits = Sha256OfText(text);
  std::string bytes;
  for (size_t i = 0; i < digits.size(); i += 2) {
    uint8_t byte = 0;
    std::from_chars(&digits[i], &digits[i] + 2, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return absl::StrCat("'sha256-", Base64(bytes), "'");
}

}  // namespace

std::string BeginPage(const PageFrame& frame) {
  const std::string title = HtmlText(frame.title);
  return absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:",
      frame.pictures_beside_it ? " 'self' file:" : "", "; style-src ", HashSource(frame.style),
      frame.script.empty() ? "" : "; script-src ",
      frame.script.empty() ? "" : HashSource(frame.script),
      "; base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
      title, "</title>\n<style>", frame.style, "</style>\n</head>\n<body>\n<h1 dir=\"auto\">",
      title, "</h1>\n");
}

std::string EndPage(const PageFrame& frame) {
  if (frame.script.empty()) return "</body>\n</html>\n";
  return absl::StrCat("<script>", frame.script, "</script>\n</body>\n</html>\n");
}

std::string WarningList(const std::vector<std::string>& warnings) {
  if (warnings.empty()) return "";
  std::string html = "<ul class=\"warnings\" aria-label=\"Warnings\">\n";
  for (const std::string& warning : warnings)
    absl::StrAppend(&html, "<li>", HtmlText(warning), "</li>\n");
  return html + "</ul>\n";
}

std::string SettingTable(const std::vector<std::pair<std::string, std::string>>& rows) {
  if (rows.empty()) return "";
  std::string html = "<table class=\"settings\">\n";
  for (const auto& [name, value] : rows) {
    absl::StrAppend(&html, "<tr><th scope=\"row\">", HtmlText(name), "</th><td>", HtmlText(value),
                    "</td></tr>\n");
  }
  return html + "</table>\n";
}

std::string RelativeLink(std::string_view path) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (path.empty()) return "";
  std::string link = ".";
  bool part_began = false;
  for (const char byte : path) {
    if (byte == '/') {
      part_began = false;
      continue;
    }
    if (!part_began) link += '/';
    part_began = true;
    const bool unreserved = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                            (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' ||
                            byte == '_' || byte == '~';
    if (unreserved) {
      link += byte;
    } else {
      const auto value = static_cast<uint8_t>(byte);
      link += '%';
      link += kDigits[value >> 4];
      link += kDigits[value & 15];
    }
  }
  return link;
}

std::string ScriptJson(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (size_t i = 0; i < json.size(); ++i) {
    const std::string_view rest = json.substr(i, 3);
    if (rest[0] == '<') {
      out += "\\u003c";
    } else if (rest[0] == '>') {
      out += "\\u003e";
    } else if (rest[0] == '&') {
      out += "\\u0026";
    } else if (rest == "\u2028" || rest == "\u2029") {
      out += rest == "\u2028" ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += rest[0];
    }
  }
  return out;
}

}  // namespace draftp
