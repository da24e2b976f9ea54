// Character properties by utf8proc, amended where the reference tokenizer's tables differ.
#include "draftp/io/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace draftp {
namespace {

struct Range {
  char32_t first, last;
};

struct ClassRange {
  char32_t first, last;
  CharacterClass character_class;
};

struct CaseRange {
  char32_t first, last;
  int32_t offset;  // lower case minus upper case
};

constexpr auto kLetter = CharacterClass::kLetter;
constexpr auto kNumber = CharacterClass::kNumber;

// Letters and numbers of Unicode 15.1 and 16, unassigned before.
constexpr std::array<ClassRange, 29> kLaterClasses{{
    {0x1C89, 0x1C8A, kLetter},   {0xA7CB, 0xA7CD, kLetter},   {0xA7DA, 0xA7DC, kLetter},
    {0x105C0, 0x105F3, kLetter}, {0x10D40, 0x10D49, kNumber}, {0x10D4A, 0x10D65, kLetter},
    {0x10D6F, 0x10D85, kLetter}, {0x10EC2, 0x10EC4, kLetter}, {0x11380, 0x11389, kLetter},
    {0x1138B, 0x1138B, kLetter}, {0x1138E, 0x1138E, kLetter}, {0x11390, 0x113B5, kLetter},
    {0x113B7, 0x113B7, kLetter}, {0x113D1, 0x113D1, kLetter}, {0x113D3, 0x113D3, kLetter},
    {0x116D0, 0x116E3, kNumber}, {0x11BC0, 0x11BE0, kLetter}, {0x11BF0, 0x11BF9, kNumber},
    {0x13460, 0x143FA, kLetter}, {0x16100, 0x1611D, kLetter}, {0x16130, 0x16139, kNumber},
    {0x16D40, 0x16D6C, kLetter}, {0x16D70, 0x16D79, kNumber}, {0x18CFF, 0x18CFF, kLetter},
    {0x1CCF0, 0x1CCF9, kNumber}, {0x1E5D0, 0x1E5ED, kLetter}, {0x1E5F0, 0x1E5F0, kLetter},
    {0x1E5F1, 0x1E5FA, kNumber}, {0x2EBF0, 0x2EE5D, kLetter},
}};

// Capitals of Unicode 16 and 17.
constexpr std::array<CaseRange, 10> kLaterCapitals{{
    {0x1C89, 0x1C89, 1},
    {0xA7CB, 0xA7CB, 0x264 - 0xA7CB},
    {0xA7CC, 0xA7CC, 1},
    {0xA7CE, 0xA7CE, 1},
    {0xA7D2, 0xA7D2, 1},
    {0xA7D4, 0xA7D4, 1},
    {0xA7DA, 0xA7DA, 1},
    {0xA7DC, 0xA7DC, 0x19B - 0xA7DC},
    {0x10D50, 0x10D65, 0x20},
    {0x16EA0, 0x16EB8, 0x1B},
}};

// Marks that came, or were given their combining class, after Unicode 9: class 0 in the reference.
constexpr std::array<Range, 36> kLaterMarks{{
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
    {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x10D24, 0x10D27},
    {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85},
    {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A},
    {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34},
    {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45},
    {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F},
    {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF},
}};

// Dives Akuru vowel sign O (Unicode 13), the one composite between Unicode 9 and 15: the reference
// neither composes nor decomposes it.
constexpr char32_t kLaterComposite = 0x11938;

// White_Space, which is stable; utf8proc has no such property.
constexpr std::array<Range, 10> kSpaces{{
    {0x9, 0xD},
    {0x20, 0x20},
    {0x85, 0x85},
    {0xA0, 0xA0},
    {0x1680, 0x1680},
    {0x2000, 0x200A},
    {0x2028, 0x2029},
    {0x202F, 0x202F},
    {0x205F, 0x205F},
    {0x3000, 0x3000},
}};

// The range that holds `c`, or null; ranges are ascending.
template <class Table>
const typename Table::value_type* Find(const Table& table, char32_t c) {
  const auto next = std::upper_bound(table.begin(), table.end(), c,
                                     [](char32_t value, const auto& r) { return value < r.first; });
  if (next == table.begin()) return nullptr;
  const auto* const range = &*std::prev(next);
  return c <= range->last ? range : nullptr;
}

constexpr auto kCompose = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
constexpr auto kDecompose = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE);

}  // namespace

CharacterClass ClassOf(char32_t c) {
  if (Find(kSpaces, c) != nullptr) return CharacterClass::kSpace;
  if (const ClassRange* later = Find(kLaterClasses, c)) return later->character_class;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return CharacterClass::kLetter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return CharacterClass::kNumber;
    default:
      return CharacterClass::kOther;
  }
}

void AppendLowerCase(char32_t c, std::u32string& out) {
  if (c == 0x130) {
    out += U"i\u0307";  // the one character whose lower case is two; utf8proc gives "i" alone
  } else if (const CaseRange* later = Find(kLaterCapitals, c)) {
    out += static_cast<char32_t>(static_cast<int32_t>(c) + later->offset);
  } else {
    out += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
  }
}

int CombiningClass(char32_t c) {
  if (Find(kLaterMarks, c) != nullptr) return 0;
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

void AppendDecomposition(char32_t c, std::u32string& out) {
  std::array<utf8proc_int32_t, 8> parts;  // the longest canonical one has 4
  int boundary = UTF8PROC_BOUNDCLASS_START;
  const utf8proc_ssize_t count =
      c == kLaterComposite ? -1
                           : utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(),
                                                     std::ssize(parts), kDecompose, &boundary);
  if (count < 1 || count > std::ssize(parts)) {
    out += c;
    return;
  }
  out.append(parts.begin(), parts.begin() + count);
}

char32_t Compose(char32_t first, char32_t second) {
  // The filler of the Hangul formula isn't a final consonant; utf8proc 2.8 swallows it.
  if (second == 0x11A7) return 0;
  std::array<utf8proc_int32_t, 2> pair{static_cast<utf8proc_int32_t>(first),
                                       static_cast<utf8proc_int32_t>(second)};
  if (utf8proc_normalize_utf32(pair.data(), std::ssize(pair), kCompose) != 1) return 0;
  const auto composite = static_cast<char32_t>(pair[0]);
  return composite == kLaterComposite ? 0 : composite;
}

}  // namespace draftp
