// Every code point against the tables of the reference tokenizer.
#include "draftp/io/unicode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "draftp/testing/text_files.h"

namespace draftp {
namespace {

using Ranges = std::vector<std::tuple<uint32_t, uint32_t, std::string>>;
using Lists = std::vector<std::vector<uint32_t>>;

const nlohmann::json& UnicodeGolden() {
  static const auto* golden = new nlohmann::json(testing::ReadGolden("tokenizer_unicode.json"));
  return *golden;
}

// Calls f on all code points but surrogates.
template <class F>
void ForEachCodePoint(F f) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c < 0xD800 || c > 0xDFFF) f(c);
  }
}

// The golden's lists [c, ...] by c.
std::map<char32_t, std::u32string> Mapping(const char* key) {
  std::map<char32_t, std::u32string> mapping;
  for (const auto& row : UnicodeGolden().at(key).get<Lists>())
    mapping[row[0]].assign(row.begin() + 1, row.end());
  return mapping;
}

TEST(UnicodeTest, ClassesEqualTheReferenceOnEveryCodePoint) {
  std::vector<CharacterClass> expected(0x110000, CharacterClass::kOther);
  for (const auto& [first, last, name] : UnicodeGolden().at("classes").get<Ranges>()) {
    const auto value = name == "L"   ? CharacterClass::kLetter
                       : name == "N" ? CharacterClass::kNumber
                                     : CharacterClass::kSpace;
    std::fill(expected.begin() + first, expected.begin() + last + 1, value);
  }
  ForEachCodePoint(
      [&](char32_t c) { ASSERT_EQ(ClassOf(c), expected[c]) << std::hex << uint32_t{c}; });
}

TEST(UnicodeTest, LowerCaseEqualsTheReferenceOnEveryCodePoint) {
  const auto expected = Mapping("lower");
  ASSERT_GT(expected.size(), 1400u);
  ForEachCodePoint([&](char32_t c) {
    std::u32string lower;
    AppendLowerCase(c, lower);
    const auto found = expected.find(c);
    ASSERT_EQ(lower, found == expected.end() ? std::u32string(1, c) : found->second) << uint32_t{c};
  });
}

TEST(UnicodeTest, CapitalIWithDotBecomesTwoCharacters) {
  std::u32string lower;
  AppendLowerCase(0x130, lower);
  EXPECT_EQ(lower, U"i\u0307");
}

TEST(UnicodeTest, DecompositionsEqualTheReferenceOnEveryCodePoint) {
  const auto expected = Mapping("decompositions");
  ASSERT_GT(expected.size(), 2000u);
  ForEachCodePoint([&](char32_t c) {
    if (c >= 0xAC00 && c <= 0xD7A3) return;
    std::u32string parts;
    AppendDecomposition(c, parts);
    const auto found = expected.find(c);
    ASSERT_EQ(parts, found == expected.end() ? std::u32string(1, c) : found->second) << uint32_t{c};
  });
}

TEST(UnicodeTest, CombiningClassesEqualTheReferenceOnEveryCodePoint) {
  std::vector<int> expected(0x110000, 0);
  for (const auto& [first, last, value] :
       UnicodeGolden().at("combining").get<std::vector<std::tuple<uint32_t, uint32_t, int>>>()) {
    std::fill(expected.begin() + first, expected.begin() + last + 1, value);
  }
  const auto decompositions = Mapping("decompositions");  // of those, the parts' classes count
  ForEachCodePoint([&](char32_t c) {
    if (!decompositions.contains(c)) {
      ASSERT_EQ(CombiningClass(c), expected[c]) << std::hex << uint32_t{c};
    }
  });
}

TEST(UnicodeTest, CompositionsEqualTheReference) {
  const auto rows = UnicodeGolden().at("compositions").get<Lists>();
  ASSERT_GT(rows.size(), 1000u);
  for (const auto& row : rows)
    ASSERT_EQ(Compose(row[0], row[1]), row[2]) << row[0] << " " << row[1];
}

// The formula of the Unicode standard, section 3.12.
TEST(UnicodeTest, HangulFollowsItsFormula) {
  for (char32_t s = 0; s < 11172; ++s) {
    const char32_t l = 0x1100 + s / 588, v = 0x1161 + s % 588 / 28, t = 0x11A7 + s % 28;
    std::u32string expected{l, v}, parts;
    if (t != 0x11A7) expected += t;
    AppendDecomposition(0xAC00 + s, parts);
    ASSERT_EQ(parts, expected);
    const char32_t open = Compose(l, v);
    ASSERT_EQ(t == 0x11A7 ? open : Compose(open, t), 0xAC00 + s);
  }
}

TEST(UnicodeTest, HangulWithoutFinalConsonantStays) { EXPECT_EQ(Compose(0xAC00, 0x11A7), 0u); }

}  // namespace
}  // namespace draftp
