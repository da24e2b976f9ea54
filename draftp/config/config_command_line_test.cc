// Tests of command lines: every way to write a flag and an override, and every wrong one.
#include "draftp/config/config_command_line.h"

#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/config/config_schema.h"
#include "draftp/config/config_value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;
using Strings = std::vector<std::string>;

ConfigSchema CommandLineSchema() {
  ConfigSchema schema;
  schema.program = "draw";
  schema.fields = {
      {.key = "steps",
       .original_keys = {"model.sampling.base.steps"},
       .expected = "an integer",
       .elsewhere = {"num_inference_steps", "n"}},
      {.key = "prompt", .expected = "text", .repeat = ConfigField::Repeat::kItems},
      {.key = "reward", .expected = "text", .repeat = ConfigField::Repeat::kAdds},
      {.key = "lora", .expected = "text", .once = "one adapter at present"},
      {.key = "negative_prompt", .expected = "text", .allow_empty = true},
      {.key = "skip_existing", .expected = "true or false", .is_switch = true},
  };
  return schema;
}

// `--key=value` a flag, `key=value` an override; the message of an error.
std::string ParsedArguments(const Strings& arguments) {
  const absl::StatusOr<ConfigCommandLine> line = ParseCommandLine(CommandLineSchema(), arguments);
  if (!line.ok()) {
    EXPECT_EQ(line.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(line.status().message());
  }
  std::string out = line->help ? "help;" : "";
  if (!line->config_file.empty()) absl::StrAppend(&out, "config:", line->config_file, ";");
  for (const ConfigEntry& e : line->overrides) {
    absl::StrAppend(&out, e.key, "=", DescribeForMessage(e.value), ";");
  }
  for (const ConfigEntry& e : line->flags) {
    const bool is_list = e.value.kind == ConfigValue::Kind::kList;
    absl::StrAppend(&out, e.where, "=",
                    is_list ? absl::StrJoin(e.value.items, "|") : DescribeForMessage(e.value), ";");
  }
  for (const std::string& notice : line->notices) absl::StrAppend(&out, notice, ";");
  return out;
}

TEST(ConfigCommandLineTest, FlagsTakeValuesBothWays) {
  EXPECT_EQ(ParsedArguments({"--steps", "25"}), "--steps=\"25\";");
  EXPECT_EQ(ParsedArguments({"--steps=25"}), "--steps=\"25\";");
  EXPECT_EQ(ParsedArguments({"--config", "a.yaml", "--steps=1"}), "config:a.yaml;--steps=\"1\";");
  EXPECT_EQ(ParsedArguments({}), "");
}

TEST(ConfigCommandLineTest, ValuesStayAsTyped) {
  for (const char* value : {"-1", "--steps", "[a,b]", "a=b", "a,b", "\"q\"", "日本", "a b", "{}",
                            "%%", "-x", "null", "[", "''", "a\\nb", "@f"}) {
    EXPECT_EQ(ParsedArguments({"--prompt", value}),
              absl::StrCat("--prompt=", DescribeForMessage(ConfigValue::Text(value)), ";"));
    EXPECT_EQ(ParsedArguments({absl::StrCat("--prompt=", value)}),
              absl::StrCat("--prompt=", DescribeForMessage(ConfigValue::Text(value)), ";"));
  }
}

TEST(ConfigCommandLineTest, EmptyValuesAreKeptOrAskedFor) {
  EXPECT_EQ(ParsedArguments({"--negative_prompt", ""}), "--negative_prompt=an empty text;");
  EXPECT_EQ(ParsedArguments({"--prompt", "", "--steps", "3"}),
            "--steps=\"3\";--prompt=an empty text;");
  EXPECT_EQ(ParsedArguments({"--prompt=", "x"}),
            "--prompt: found no value after '=', expected text");
  EXPECT_EQ(ParsedArguments({"--negative_prompt="}),
            "--negative_prompt: found no value after '=', expected text (for the empty text: "
            "--negative_prompt \"\")");
  EXPECT_EQ(ParsedArguments({"--config="}), "--config: found no value after '=', expected one");
  EXPECT_EQ(ParsedArguments({"--config", ""}), "--config: found an empty text, expected a file");
}

TEST(ConfigCommandLineTest, SwitchesStandAloneOrHaveAWord) {
  EXPECT_EQ(ParsedArguments({"--skip_existing"}), "--skip_existing=\"true\";");
  EXPECT_EQ(ParsedArguments({"--skip_existing=false"}), "--skip_existing=\"false\";");
  EXPECT_EQ(ParsedArguments({"--skip_existing=maybe"}), "--skip_existing=\"maybe\";");
  EXPECT_EQ(ParsedArguments({"--noskip_existing"}), "--skip_existing=\"false\";");
  EXPECT_EQ(ParsedArguments({"--noskip_existing=false"}), "--skip_existing=\"true\";");
  EXPECT_EQ(ParsedArguments({"--noskip_existing=maybe"}), "--skip_existing=\"maybe\";");
  EXPECT_EQ(ParsedArguments({"--skip_existing", "steps=3"}),
            "steps=\"3\";--skip_existing=\"true\";");
  EXPECT_THAT(ParsedArguments({"--skip_existing", "false"}),
              HasSubstr("found the argument \"false\""));
}

TEST(ConfigCommandLineTest, OverridesAreKeysAndValues) {
  EXPECT_EQ(ParsedArguments({"steps=25", "model.sampling.base.steps=3"}),
            "steps=\"25\";model.sampling.base.steps=\"3\";");
  EXPECT_EQ(ParsedArguments({"+prompt=a=b", "++x=1"}), "prompt=\"a=b\";x=\"1\";");
  EXPECT_EQ(ParsedArguments({"prompt='a b'", "x=\"q\"", "y='a' or 'b'", "z='"}),
            "prompt=\"a b\";x=\"q\";y=\"'a' or 'b'\";z=\"'\";");
  EXPECT_EQ(ParsedArguments({"prompt=", "x=null", "y='null'"}),
            "prompt=an empty text;x=nothing;y=\"null\";");
  EXPECT_EQ(ParsedArguments({"--steps", "1", "--", "--steps=2"}), "--steps=\"2\";--steps=\"1\";");
}

TEST(ConfigCommandLineTest, RejectsArgumentsThatAreNeither) {
  EXPECT_EQ(ParsedArguments({"banana"}),
            "found the argument \"banana\", expected key=value or a flag");
  for (const char* bad : {"", "=", "=5", "+=5", "+", "+++a=1", "-"}) {
    EXPECT_THAT(ParsedArguments({bad}), HasSubstr("expected key=value or a flag")) << bad;
  }
}

TEST(ConfigCommandLineTest, NamesTheNearestFlagOfAnUnknownOne) {
  EXPECT_EQ(ParsedArguments({"--stesp", "25"}),
            "--stesp: found an unknown flag; the nearest valid flag is --steps");
  EXPECT_THAT(ParsedArguments({"-steps", "25"}), HasSubstr("nearest valid flag is --steps"));
  EXPECT_THAT(ParsedArguments({"--skip-existing=1"}),
              HasSubstr("nearest valid flag is --skip_existing"));
  EXPECT_THAT(ParsedArguments({"--conifg=a"}), HasSubstr("nearest valid flag is --config"));
  EXPECT_THAT(ParsedArguments({"--\xFF\n"}), HasSubstr("--\\xff\\x0a: found"));
  EXPECT_EQ(ParsedArguments({"--model.sampling.base.steps=3"}),
            "--model.sampling.base.steps: found a flag, expected --steps, or "
            "model.sampling.base.steps=VALUE without the dashes");
}

TEST(ConfigCommandLineTest, SaysNothingWhereNoFlagIsNear) {
  for (const char* far : {"--banana", "--outdir", "--x", "--cfg", "-z"})
    EXPECT_THAT(ParsedArguments({far, "3"}),
                HasSubstr("an unknown flag; --help_all lists all flags"));
}

TEST(ConfigCommandLineTest, AnswersOtherProgramsNamesWithOurs) {
  EXPECT_EQ(ParsedArguments({"--num_inference_steps=3"}),
            "--num_inference_steps: found an unknown flag; did you mean --steps?");
  EXPECT_EQ(ParsedArguments({"-n", "3"}), "-n: found an unknown flag; did you mean --steps?");
}

TEST(ConfigCommandLineTest, TheLastOfARepeatedFlagCounts) {
  EXPECT_EQ(ParsedArguments({"--steps", "1", "--steps=2"}),
            "--steps=\"2\";--steps is there 2 times; the last counts, \"2\";");
  EXPECT_EQ(ParsedArguments({"--config", "a", "--config", "b"}),
            "config:b;--config is there 2 times; the last counts, \"b\";");
  EXPECT_THAT(ParsedArguments({"--skip_existing", "--noskip_existing"}),
              HasSubstr("--skip_existing=\"false\";"));
  EXPECT_THAT(ParsedArguments({"--noskip_existing", "--skip_existing"}),
              HasSubstr("--skip_existing=\"true\";"));
}

TEST(ConfigCommandLineTest, ListsGrowWithEveryOccurrence) {
  EXPECT_EQ(ParsedArguments({"--reward=a", "--reward", "b,c"}), "--reward=\"a,b,c\";");
  EXPECT_EQ(ParsedArguments({"--prompt=a, b", "--prompt", "c"}), "--prompt=a, b|c;");
  EXPECT_EQ(ParsedArguments({"--prompt=a, b"}), "--prompt=\"a, b\";");
  EXPECT_EQ(ParsedArguments({"--lora=a", "--lora=b"}),
            "--lora: found it 2 times (\"a\", \"b\"), expected it once: one adapter at present");
}

TEST(ConfigCommandLineTest, RejectsAFlagWithoutItsValue) {
  EXPECT_EQ(ParsedArguments({"--steps"}), "--steps: found no value after it, expected one");
  EXPECT_EQ(ParsedArguments({"--skip_existing", "--config"}),
            "--config: found no value after it, expected one");
}

TEST(ConfigCommandLineTest, EveryProgramsFlagsAreKnown) {
  const auto line = [](const char* flag) { return *ParseCommandLine(CommandLineSchema(), {flag}); };
  EXPECT_TRUE(line("--help_all").help_all);
  EXPECT_TRUE(line("--version").version);
  EXPECT_TRUE(line("--print_config").print_config);
  EXPECT_TRUE(line("--quiet").quiet);
  EXPECT_FALSE(line("--quiet").help || line("--quiet").version);
}

TEST(ConfigCommandLineTest, HelpIsKnownByBothNames) {
  EXPECT_EQ(ParsedArguments({"--help"}), "help;");
  EXPECT_EQ(ParsedArguments({"-h"}), "help;");
  EXPECT_EQ(ParsedArguments({"--help", "--steps", "3"}), "help;--steps=\"3\";");
}

TEST(ConfigCommandLineTest, EndsOnEveryMixtureOfArguments) {
  const Strings parts = {"--steps",
                         "--steps=",
                         "--prompt",
                         "--",
                         "-",
                         "---",
                         "-h",
                         "=",
                         "a=b",
                         "",
                         "+a=1",
                         "[x]",
                         "%",
                         "++",
                         "--=",
                         "-1",
                         "@",
                         "\xFF",
                         "--skip_existing",
                         "--skip_existing=",
                         "--config",
                         "{}",
                         "--no-steps"};
  std::mt19937 random(11);
  for (int i = 0; i < 3000; ++i) {
    Strings arguments;
    for (unsigned n = random() % 6; n > 0; --n) arguments.push_back(parts[random() % parts.size()]);
    ASSERT_EQ(ParsedArguments(arguments).find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace draftp
