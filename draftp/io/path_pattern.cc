// Splits at commas, multiplies braces out and asks glob(3) for the rest.
#include "draftp/io/path_pattern.h"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

using Names = std::vector<std::string>;

constexpr size_t kMaxSpecBytes = 64 << 10;
constexpr size_t kMaxNameBytes = 4096;
constexpr size_t kMaxNames = 65536;
constexpr int kMaxDepth = 16;  // of braces in braces
constexpr size_t kMaxDigits = 18;

absl::Status Error(std::string_view part, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(Quoted(part, 400), ": ", what));
}

// `text` at the commas outside braces; an error when braces don't balance.
absl::StatusOr<std::vector<std::string_view>> SplitAtCommas(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{' && ++depth > kMaxDepth) {
      return Error(text,
                   absl::StrCat("found braces deeper than ", kMaxDepth, ", expected at most that"));
    }
    if (text[i] == '}' && --depth < 0) return Error(text, "found '}', expected a '{' before it");
    if (text[i] == ',' && depth == 0) {
      parts.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  if (depth > 0) return Error(text, "found '{', expected a '}' after it");
  parts.push_back(text.substr(begin));
  return parts;
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.size() <= kMaxDigits &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "008..010" as 008, 009, 010.
absl::StatusOr<Names> NumberRange(std::string_view inside) {
  const size_t dots = inside.find("..");
  const std::string_view first = inside.substr(0, dots);
  const std::string_view last = dots == std::string_view::npos ? "" : inside.substr(dots + 2);
  if (!IsNumber(first) || !IsNumber(last)) {
    return Error(absl::StrCat("{", Printable(inside, 400), "}"),
                 "found no known form, expected {a,b} or {000..009}");
  }
  int64_t from = 0, to = 0;
  std::from_chars(first.data(), first.data() + first.size(), from);
  std::from_chars(last.data(), last.data() + last.size(), to);
  if (std::max(from, to) - std::min(from, to) >= static_cast<int64_t>(kMaxNames)) {
    return Error(absl::StrCat("{", Printable(inside, 400), "}"),
                 absl::StrCat("found more than ", kMaxNames, " numbers, expected at most that"));
  }
  const bool padded = (first[0] == '0' && first.size() > 1) || (last[0] == '0' && last.size() > 1);
  const size_t width = padded ? std::max(first.size(), last.size()) : 0;
  Names numbers;
  const int64_t step = from <= to ? 1 : -1;
  for (int64_t number = from;; number += step) {
    std::string digits = std::to_string(number);
    if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
    numbers.push_back(std::move(digits));
    if (number == to) return numbers;
  }
}

// The position of the brace that closes the one at `open`; braces balance.
size_t ClosingBrace(std::string_view text, size_t open) {
  int depth = 0;
  for (size_t i = open;; ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i;
  }
}

// Each of `heads` followed by each of `tails`.
absl::StatusOr<Names> Product(const Names& heads, const Names& tails) {
  if (heads.size() * tails.size() > kMaxNames) {
    return Error(absl::StrCat(Printable(heads.front(), 400), "..."),
                 absl::StrCat("found more than ", kMaxNames, " names, expected at most that many"));
  }
  Names names;
  for (const std::string& head : heads) {
    for (const std::string& tail : tails) {
      names.push_back(head + tail);
      if (names.back().size() > kMaxNameBytes) {
        return Error(names.back(), absl::StrCat("found a name of ", names.back().size(),
                                                " bytes, expected at most ", kMaxNameBytes));
      }
    }
  }
  return names;
}

absl::StatusOr<Names> ExpandBraces(std::string_view text);

absl::StatusOr<Names> Alternatives(std::string_view inside) {
  const absl::StatusOr<std::vector<std::string_view>> parts = SplitAtCommas(inside);
  if (!parts.ok()) return parts.status();
  if (parts->size() == 1) return NumberRange(inside);
  Names names;
  for (const std::string_view part : *parts) {
    absl::StatusOr<Names> expanded = ExpandBraces(part);
    if (!expanded.ok()) return expanded.status();
    names.insert(names.end(), expanded->begin(), expanded->end());
    if (names.size() > kMaxNames) {
      return Error(inside, absl::StrCat("found more than ", kMaxNames,
                                        " names, expected at most that many"));
    }
  }
  return names;
}

absl::StatusOr<Names> ExpandBraces(std::string_view text) {
  absl::StatusOr<Names> names = Names{""};
  while (names.ok() && !text.empty()) {
    const size_t open = text.find('{');
    if (open != 0) {
      names = Product(*names, {std::string(text.substr(0, open))});
      text.remove_prefix(std::min(open, text.size()));
      continue;
    }
    const size_t close = ClosingBrace(text, 0);
    const absl::StatusOr<Names> inside = Alternatives(text.substr(1, close - 1));
    if (!inside.ok()) return inside.status();
    names = Product(*names, *inside);
    text.remove_prefix(close + 1);
  }
  return names;
}

bool IsThere(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0;
}

absl::StatusOr<Names> Match(const std::string& pattern) {
  if (pattern.find_first_of("*?[") == std::string::npos) return Names{pattern};
  glob_t found{};
  const absl::Cleanup freer = [&found] { globfree(&found); };
  errno = 0;
  const int result = glob(pattern.c_str(), GLOB_ERR | GLOB_NOSORT, nullptr, &found);
  if (result == 0) {
    Names names(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    std::sort(names.begin(), names.end());  // not by the locale
    return names;
  }
  if (IsThere(pattern)) return Names{pattern};
  if (result == GLOB_NOMATCH) return Error(pattern, "found no such file, expected at least one");
  return absl::ErrnoToStatus(errno == 0 ? ENOMEM : errno,
                             absl::StrCat(Quoted(pattern, 400), ": can't search"));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ExpandPaths(std::string_view spec) {
  if (spec.size() > kMaxSpecBytes) {
    return Error(spec, absl::StrCat("found a list of ", spec.size(), " bytes, expected at most ",
                                    kMaxSpecBytes));
  }
  if (spec.find('\0') != std::string_view::npos) {
    return Error(spec, "found a null character, expected names of files");
  }
  const absl::StatusOr<std::vector<std::string_view>> parts = SplitAtCommas(spec);
  if (!parts.ok()) return parts.status();
  Names paths;
  for (const std::string_view part : *parts) {
    if (part.empty()) {
      return Error(spec, "found an empty name, expected files separated by commas");
    }
    const absl::StatusOr<Names> patterns = ExpandBraces(part);
    if (!patterns.ok()) return patterns.status();
    for (const std::string& pattern : *patterns) {
      const absl::StatusOr<Names> names = Match(pattern);
      if (!names.ok()) return names.status();
      paths.insert(paths.end(), names->begin(), names->end());
      if (paths.size() > kMaxNames) {
        return Error(part, absl::StrCat("found more than ", kMaxNames,
                                        " files, expected at most that many"));
      }
    }
  }
  return paths;
}

}  // namespace draftp
