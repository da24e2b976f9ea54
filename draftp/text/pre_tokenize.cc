// The scanner: at each position the first alternative of CLIP's pattern that matches.
#include "draftp/text/pre_tokenize.h"

#include <cstddef>
#include <initializer_list>

#include "draftp/io/unicode.h"

namespace draftp {
namespace {

// Length of the first of `alternatives` that `text` starts with, or 0.
size_t MatchAny(std::u32string_view text, std::initializer_list<std::u32string_view> alternatives) {
  for (const std::u32string_view alternative : alternatives) {
    if (text.starts_with(alternative)) return alternative.size();
  }
  return 0;
}

// Length of the run of characters of one class at the start of `text`.
size_t RunLength(std::u32string_view text, CharacterClass character_class) {
  size_t length = 0;
  while (length < text.size() && ClassOf(text[length]) == character_class) ++length;
  return length;
}

}  // namespace

std::vector<std::u32string_view> SplitIntoWords(std::u32string_view text) {
  std::vector<std::u32string_view> words;
  const auto take = [&](size_t length) {
    words.push_back(text.substr(0, length));
    text.remove_prefix(length);
  };
  while (!text.empty()) {
    if (const size_t special = MatchAny(text, {U"<|startoftext|>", U"<|endoftext|>"})) {
      take(2);
      take(special - 4);
      take(2);
      continue;
    }
    if (const size_t contraction =
            MatchAny(text, {U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"})) {
      take(contraction);
      continue;
    }
    switch (const CharacterClass character_class = ClassOf(text.front())) {
      case CharacterClass::kSpace:
        text.remove_prefix(1);
        break;
      case CharacterClass::kNumber:
        take(1);
        break;
      case CharacterClass::kLetter:
      case CharacterClass::kOther:
        take(RunLength(text, character_class));
        break;
    }
  }
  return words;
}

}  // namespace draftp
