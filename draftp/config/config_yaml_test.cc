// Tests of the YAML reader: what it flattens, and that nothing malformed gets past or hurts it.
#include "draftp/config/config_yaml.h"

#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "draftp/config/config_schema.h"
#include "draftp/config/config_value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;

// `key=text` a line, kinds other than text in words.
std::string ParsedYaml(const std::string& yaml) {
  const absl::StatusOr<std::vector<ConfigEntry>> entries = ParseYamlConfig("f.yaml", yaml);
  if (!entries.ok()) return std::string(entries.status().message());
  std::string out;
  for (const ConfigEntry& entry : *entries) {
    absl::StrAppend(&out, entry.key, "=", DescribeForMessage(entry.value), ";");
  }
  return out;
}

TEST(ConfigYamlTest, FlattensMapsListsAndScalars) {
  EXPECT_EQ(ParsedYaml("model:\n  sampling: {base: {steps: 25}}\nlist: [a, 1]\nx: 'q: y'\n"),
            "model.sampling.base.steps=\"25\";list=a list;x=\"q: y\";");
  EXPECT_EQ(ParsedYaml("a.b: 1"), "a.b=\"1\";");
}

TEST(ConfigYamlTest, KnowsNullFromText) {
  EXPECT_EQ(ParsedYaml("a:\nb: ~\nc: null\nd: 'null'\ne: \"\"\nf: !!null x\ng: !!str null"),
            "a=nothing;b=nothing;c=nothing;d=\"null\";e=an empty text;f=nothing;g=\"null\";");
}

TEST(ConfigYamlTest, NothingButCommentsSetsNothing) {
  EXPECT_EQ(ParsedYaml(""), "");
  EXPECT_EQ(ParsedYaml("# steps: 25\n"), "");
  EXPECT_EQ(ParsedYaml("---\n...\n"), "");
}

TEST(ConfigYamlTest, ReferencesAreKeptApart) {
  EXPECT_EQ(ParsedYaml("a: ${trainer.precision}"), "a=the reference \"${trainer.precision}\";");
  EXPECT_EQ(ParsedYaml("a: ['${b}', c]"), "a=a list of more than plain values;");
}

TEST(ConfigYamlTest, AliasesStandForScalarsOnly) {
  EXPECT_EQ(ParsedYaml("a: &x 25\nb: *x\n"), "a=\"25\";b=\"25\";");
  EXPECT_EQ(ParsedYaml("a: &x [1]\nb: *x\n"),
            "f.yaml:2: found an alias of a list or map, expected a value");
  EXPECT_EQ(ParsedYaml("a: &x {b: *x}\n"),
            "f.yaml:1: found an alias of a list or map, expected a value");
  EXPECT_THAT(ParsedYaml("b: *nobody\n"), HasSubstr("expected valid YAML"));
  EXPECT_EQ(ParsedYaml("a: &x {b: 1}\n<<: *x\n"),
            "f.yaml:2: found a merge key (<<), expected a name");
}

TEST(ConfigYamlTest, RejectsRepeatedKeysWithTheirLine) {
  EXPECT_EQ(ParsedYaml("steps: 1\nseed: 2\nsteps: 3\n"),
            "f.yaml:3: found the key \"steps\" a second time, expected it once");
}

TEST(ConfigYamlTest, RejectsForeignTags) {
  EXPECT_EQ(ParsedYaml("a: !!python/object:os.system x"),
            "f.yaml:1: found the tag \"tag:yaml.org,2002:python/object:os.system\", "
            "expected a plain value");
  EXPECT_THAT(ParsedYaml("a: !mine [1]"), HasSubstr("found the tag \"!mine\""));
  EXPECT_EQ(ParsedYaml("a: !!int 3"), "a=\"3\";");
}

TEST(ConfigYamlTest, RejectsWhatIsNoMapOfNames) {
  EXPECT_EQ(ParsedYaml("- a\n- b\n"), "f.yaml:1: found a list, expected a map of keys and values");
  EXPECT_EQ(ParsedYaml("text"), "f.yaml:1: found \"text\", expected a map of keys and values");
  EXPECT_THAT(ParsedYaml("? {a: b}\n: c\n"), HasSubstr("found a map as a key"));
  EXPECT_THAT(ParsedYaml("? [a]\n: c\n"), HasSubstr("found a list as a key"));
  EXPECT_THAT(ParsedYaml(": c\n"), HasSubstr("found the key \"\""));
}

TEST(ConfigYamlTest, RejectsSecondDocumentsAndBrokenText) {
  EXPECT_THAT(ParsedYaml("a: 1\n---\nb: 2\n"), HasSubstr("found a second document"));
  for (const char* bad : {"a: [1", "a: {b: 1", "a: 'x", "a: \"\\q\"", "a: b: c", "\t: x\n a",
                          "%YAML 9 9 9\n---\na: 1", "a: |\n  x\n y", "@a: 1", "a: `x`"}) {
    EXPECT_FALSE(ParseYamlConfig("f.yaml", bad).ok()) << bad;
    EXPECT_EQ(ParsedYaml(bad).find('\n'), std::string::npos) << bad;
  }
}

TEST(ConfigYamlTest, RejectsBytesThatAreNotUtf8Text) {
  EXPECT_EQ(ParsedYaml("a: \xFF"), "f.yaml: found bytes that aren't UTF-8, expected YAML in UTF-8");
  EXPECT_EQ(ParsedYaml(std::string("a: b\0c", 6)), "f.yaml: found a zero byte, expected YAML text");
  EXPECT_THAT(ParsedYaml("a: 日本\n"), HasSubstr("日本"));
}

TEST(ConfigYamlTest, BoundsSizeDepthAndAliases) {
  EXPECT_THAT(ParsedYaml("a: " + std::string(300000, 'x')), HasSubstr("expected at most 262144"));
  EXPECT_THAT(ParsedYaml("a: " + std::string(99, '[') + std::string(99, ']')),
              HasSubstr("more than 32 levels"));
  EXPECT_FALSE(ParseYamlConfig("f.yaml", "a: " + std::string(200000, '[')).ok());
  std::string nested;
  for (int i = 0; i < 300; ++i) nested += "a: {";
  EXPECT_FALSE(ParseYamlConfig("f.yaml", nested).ok());
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    absl::StrAppend(&laughs, "a", i, ": &a", i, " [*a", i - 1, ", *a", i - 1, "]\n");
  }
  EXPECT_THAT(ParsedYaml(laughs), HasSubstr("alias of a list or map"));
}

TEST(ConfigYamlTest, EndsOnEveryDamagedText) {
  const std::string good =
      "model: &m\n  sampling: {base: {steps: 25, scale: 5.0}}\nprompt: \"a \\u00e9\"\n"
      "weight_type: [base, 'draft']\nx: |\n  y\n? k\n: v\nz: !!int 3\nr: *m\n";
  std::mt19937 random(3);
  for (int i = 0; i < 20000; ++i) {
    std::string text = good.substr(0, random() % (good.size() + 1));
    for (unsigned flips = random() % 4; flips > 0 && !text.empty(); --flips) {
      text[random() % text.size()] = static_cast<char>(random() % 128);
    }
    const auto entries = ParseYamlConfig("f.yaml", text);
    if (!entries.ok()) {
      ASSERT_EQ(entries.status().code(), absl::StatusCode::kInvalidArgument);
      ASSERT_EQ(std::string(entries.status().message()).find('\n'), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace draftp
