// Tests of the printed table: everything is there, and nothing is too wide.
#include "draftp/config/config_help.h"

#include <sstream>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/config/config_schema.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ConfigSchema HelpSchema() {
  ConfigSchema schema;
  schema.program = "draw";
  schema.summary = "Draws pictures.";
  schema.examples = {{"draw --steps 3", "a quick look"}};
  schema.fields = {{.key = "steps",
                    .original_keys = {"model.steps"},
                    .value_name = "N",
                    .unit = "steps",
                    .help = "length of a run, in words that go on and on until the line is full "
                            "and another has to begin",
                    .default_text = "25",
                    .group = "Sampling",
                    .expected = "an integer",
                    .common = true},
                   {.key = "a_flag_with_a_very_long_name",
                    .value_name = "a|b",
                    .help = "letters a|b",
                    .group = "Sampling",
                    .expected = "a, b"},
                   {.key = "graph", .help = "fast", .default_text = "true", .is_switch = true},
                   {.key = "skip", .help = "goes on", .default_text = "false", .is_switch = true}};
  schema.rules = {{ConfigRule::Kind::kIgnored, {"model.optim.*"}, "for training", {}},
                  {ConfigRule::Kind::kRefused, {"model.nemo"}, "use --model", {}},
                  {ConfigRule::Kind::kOnly, {"model.guider"}, "the only one", {"CFG"}}};
  return schema;
}

// Lines of at most so many columns.
void ExpectWithin(const std::string& text, size_t columns) {
  std::istringstream help(text);
  std::string line;
  while (std::getline(help, line)) EXPECT_LE(line.size(), columns) << line;
}

TEST(ConfigHelpTest, ShowsGroupsUnitsDefaultsAndExamples) {
  const std::string help = ConfigHelp(HelpSchema());
  EXPECT_THAT(help, HasSubstr("Draws pictures.\n\nUsage: draw [--config FILE]"));
  EXPECT_THAT(help, HasSubstr("\nSampling:\n  --steps N                   length of a run"));
  EXPECT_THAT(help, HasSubstr("[steps;\n                              default: 25]"));
  EXPECT_THAT(help, HasSubstr("  --a_flag_with_a_very_long_name a|b\n"));
  EXPECT_THAT(help, HasSubstr("draw --steps 3\n      a quick look\n"));
  EXPECT_THAT(help, HasSubstr("letters a|b [default: none]"));
}

TEST(ConfigHelpTest, SwitchesSayHowTheyAreSwitched) {
  const std::string help = ConfigHelp(HelpSchema());
  EXPECT_THAT(help, HasSubstr("  --[no]skip                  goes on [default: off]\n"));
  EXPECT_THAT(help, HasSubstr("fast [default: on; --nograph"));
}

TEST(ConfigHelpTest, TheShortFormHasTheCommonFlags) {
  const std::string help = ConfigHelp(HelpSchema(), {.all = false});
  EXPECT_THAT(help, HasSubstr("--steps N"));
  EXPECT_THAT(help, Not(HasSubstr("--a_flag_with")));
  EXPECT_THAT(help, HasSubstr("--help_all shows all 4 flags"));
}

TEST(ConfigHelpTest, FitsEveryWidth) {
  for (const int columns : {40, 55, 69, 70, 80, 100}) {
    ExpectWithin(ConfigHelp(HelpSchema(), {.columns = columns}), columns);
    ExpectWithin(ConfigHelp(HelpSchema(), {.columns = columns, .all = false}), columns);
  }
  ExpectWithin(ConfigHelp(HelpSchema(), {.columns = 1}), 40);
  ExpectWithin(ConfigHelp(HelpSchema(), {.columns = 1000}), 100);
}

TEST(ConfigHelpTest, MarkdownHasARowForEachFieldAndRule) {
  const std::string markdown = ConfigMarkdown(HelpSchema());
  EXPECT_THAT(markdown, HasSubstr("| `--steps` | `steps` | `model.steps` | steps | `25` | length"));
  EXPECT_THAT(markdown, HasSubstr("letters a\\|b; a, b |"));
  EXPECT_THAT(markdown, HasSubstr("| `model.optim.*` | ignored with a notice: for training |"));
  EXPECT_THAT(markdown, HasSubstr("| `model.nemo` | refused: use --model |"));
  EXPECT_THAT(markdown, HasSubstr("| `model.guider` | only CFG: the only one |"));
}

TEST(ConfigHelpTest, ReplacesTheTableBetweenItsMarks) {
  const std::string document = "a\n<!-- begin t -->\nold\n<!-- end t -->\nb\n";
  const absl::StatusOr<std::string> out = ReplaceMarkedTable(document, "t", "new\n");
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(*out, "a\n<!-- begin t -->\nnew\n<!-- end t -->\nb\n");
  EXPECT_EQ(*ReplaceMarkedTable(*out, "t", "new\n"), *out);
}

TEST(ConfigHelpTest, RejectsADocumentWithoutMarks) {
  EXPECT_FALSE(ReplaceMarkedTable("a\n", "t", "x").ok());
  EXPECT_FALSE(ReplaceMarkedTable("<!-- end t -->\n<!-- begin t -->\n", "t", "x").ok());
  EXPECT_FALSE(ReplaceMarkedTable("<!-- begin u -->\n<!-- end u -->\n", "t", "x").ok());
}

}  // namespace
}  // namespace draftp
