// Normal form C by decomposition, stable ordering of marks and composition.
#include "draftp/text/normalize.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include "draftp/io/unicode.h"
#include "draftp/io/utf8.h"

namespace draftp {
namespace {

struct Mark {
  int combining_class;  // 1 to 254
  char32_t c;
};

// Bytes at the front of ill-formed `text` that one U+FFFD stands for: the longest start of some
// well-formed sequence, or one byte.
size_t IllFormedLength(std::string_view text) {
  for (size_t length = std::min<size_t>(text.size(), 3); length > 1; --length) {
    const std::string completed = std::string(text.substr(0, length)) + "\x80\x80";
    const Utf8Character character = DecodeUtf8(completed);
    if (character.valid && character.length > static_cast<int>(length)) return length;
  }
  return 1;
}

// Appends `starter` and the marks after it, composed as far as they compose, and clears the marks.
void Flush(char32_t starter, std::vector<Mark>& marks, std::u32string& out) {
  std::stable_sort(marks.begin(), marks.end(), [](const Mark& a, const Mark& b) {
    return a.combining_class < b.combining_class;
  });
  const size_t at = out.size();
  out += starter;
  int last_class = 0;  // of the last mark that stayed
  for (const Mark& mark : marks) {
    const bool blocked = last_class >= mark.combining_class;
    const char32_t composite = blocked ? 0 : Compose(out[at], mark.c);
    if (composite != 0) {
      out[at] = composite;
    } else {
      out += mark.c;
      last_class = mark.combining_class;
    }
  }
  marks.clear();
}

// Composes decomposed text.
std::u32string Recompose(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  size_t i = 0;
  std::vector<Mark> marks;
  const auto collect_marks = [&] {
    for (; i < text.size(); ++i) {
      const int combining_class = CombiningClass(text[i]);
      if (combining_class == 0) return;
      marks.push_back({combining_class, text[i]});
    }
  };
  collect_marks();
  if (!marks.empty()) {  // marks before any starter are ordered and never compose
    std::stable_sort(marks.begin(), marks.end(), [](const Mark& a, const Mark& b) {
      return a.combining_class < b.combining_class;
    });
    for (const Mark& mark : marks) out += mark.c;
    marks.clear();
  }
  while (i < text.size()) {
    const char32_t starter = text[i++];
    collect_marks();
    // Starters compose only when nothing stands between them (Hangul, some vowel signs).
    const size_t before = out.size();
    const bool adjacent = before > 0 && CombiningClass(out.back()) == 0;
    const char32_t composite = adjacent ? Compose(out.back(), starter) : 0;
    if (composite != 0) out.pop_back();
    Flush(composite != 0 ? composite : starter, marks, out);
  }
  return out;
}

}  // namespace

std::u32string DecodeCaption(std::string_view utf8) {
  std::u32string text;
  text.reserve(utf8.size());
  while (!utf8.empty()) {
    const Utf8Character character = DecodeUtf8(utf8);
    text += character.valid ? character.code_point : kReplacementCharacter;
    utf8.remove_prefix(character.valid ? character.length : IllFormedLength(utf8));
  }
  return text;
}

std::string EncodeUtf8(std::u32string_view text) {
  std::string utf8;
  utf8.reserve(text.size());
  for (const char32_t c : text) AppendUtf8(c, utf8);
  return utf8;
}

std::u32string ComposeCanonically(std::u32string_view text) {
  // Nothing below U+0300 combines or comes out of a composition exclusion: it is in normal form C.
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x300; })) {
    return std::u32string(text);
  }
  std::u32string decomposed;
  decomposed.reserve(text.size());
  for (const char32_t c : text) AppendDecomposition(c, decomposed);
  return Recompose(decomposed);
}

std::u32string NormalizeCaption(std::u32string_view text) {
  const std::u32string composed = ComposeCanonically(text);
  std::u32string out;
  out.reserve(composed.size());
  bool after_space = false;
  for (const char32_t c : composed) {
    const bool space = ClassOf(c) == CharacterClass::kSpace;
    if (!space) AppendLowerCase(c, out);
    if (space && !after_space) out += U' ';
    after_space = space;
  }
  return out;
}

}  // namespace draftp
