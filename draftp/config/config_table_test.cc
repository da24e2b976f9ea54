// Tests of the typed table over a small struct: setting, checking, printing, paths.
#include "draftp/config/config_table.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "draftp/config/config_row.h"
#include "draftp/config/config_schema.h"
#include "draftp/config/config_value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;

struct Settings {
  int64_t steps = 25;
  uint64_t seed = 1243;
  double scale = 5.0;
  bool skip = false;
  std::string sampler = "euler";
  std::string model = {};
  std::string prompt = {};
  std::vector<std::string> types = {"base", "draft"};
  bool operator==(const Settings&) const = default;
};

ConfigTable<Settings> Table() {
  ConfigTable<Settings> table("draw", "Draws.");
  table.Group("Sampling")
      .Integer(&Settings::steps, 1, 1000, {.key = "steps", .help = "length"})
      .Seed(&Settings::seed, {.key = "seed", .help = "seed"})
      .Number(&Settings::scale, -10, 10, {.key = "scale", .help = "scale"})
      .Choice(&Settings::sampler, {{"euler", {}}, {"heun", {}}}, {.key = "sampler", .help = "s"})
      .Group("Files")
      .Switch(&Settings::skip, {.key = "skip", .help = "skip"})
      .Path(&Settings::model, {.key = "model", .help = "model", .default_text = "embedded"})
      .Text(&Settings::prompt, {.key = "prompt", .help = "prompt"})
      .List(&Settings::types, {.key = "types", .help = "types"});
  return table;
}

TEST(ConfigTableTest, DescribesItsRows) {
  const ConfigSchema schema = Table().schema();
  ASSERT_EQ(schema.fields.size(), 8U);
  EXPECT_EQ(schema.fields[0].default_text, "25");
  EXPECT_EQ(schema.fields[0].group, "Sampling");
  EXPECT_EQ(schema.fields[0].expected, "an integer from 1 to 1000");
  EXPECT_EQ(schema.fields[5].default_text, "embedded");
  EXPECT_EQ(schema.fields[7].default_text, "base,draft");
  EXPECT_TRUE(schema.fields[4].is_switch);
}

TEST(ConfigTableTest, SetsMembersAndResetsThemToDefaults) {
  Settings settings;
  ASSERT_TRUE(Table().Set({0, "--steps", ConfigValue::Text("7")}, settings).ok());
  EXPECT_EQ(settings.steps, 7);
  ASSERT_TRUE(Table().Set({0, "--steps", ConfigValue::Null()}, settings).ok());
  EXPECT_EQ(settings, Settings{});
}

TEST(ConfigTableTest, SaysWhatWasFoundAndExpected) {
  Settings settings;
  const absl::Status status = Table().Set({0, "--steps", ConfigValue::Text("1001")}, settings);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()),
            "--steps: found \"1001\", expected an integer from 1 to 1000");
  EXPECT_EQ(settings, Settings{});
}

TEST(ConfigTableTest, ChecksStructsThatNoSourceMade) {
  EXPECT_TRUE(Table().Check(Settings{}).ok());
  for (const Settings& bad :
       {Settings{.steps = 0}, Settings{.scale = std::numeric_limits<double>::quiet_NaN()},
        Settings{.scale = std::numeric_limits<double>::infinity()}, Settings{.sampler = "x"},
        Settings{.sampler = ""}, Settings{.model = "a\nb"}, Settings{.prompt = "\xFF"},
        Settings{.types = {""}}}) {
    EXPECT_FALSE(Table().Check(bad).ok());
  }
  EXPECT_EQ(std::string(Table().Check(Settings{.steps = 0}).message()),
            "--steps: found \"0\", expected an integer from 1 to 1000");
}

TEST(ConfigTableTest, PrintsWhatSetsItAgain) {
  const Settings settings{.steps = 7,
                          .seed = UINT64_MAX,
                          .scale = 0.1,
                          .skip = true,
                          .sampler = "heun",
                          .model = "/m",
                          .prompt = "a \"b\"\n",
                          .types = {"x"}};
  Settings back;
  const auto values = Table().Print(settings);
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_TRUE(Table().Set({i, values[i].first, values[i].second}, back).ok()) << values[i].first;
  }
  EXPECT_EQ(back, settings);
}

TEST(ConfigTableTest, TellsWhichKeysChangeNothing) {
  ConfigTable<Settings> table("draw", "Draws.");
  table.Number(&Settings::scale, 0, 1, {.key = "scale"})
      .NoEffect([](const Settings& s) { return s.skip ? "it is skipped" : ""; })
      .Integer(&Settings::steps, 1, 2, {.key = "steps"});
  EXPECT_TRUE(table.WithoutEffect({"scale", "steps"}, Settings{}).empty());
  EXPECT_TRUE(table.WithoutEffect({"steps"}, Settings{.skip = true}).empty());
  EXPECT_EQ(table.WithoutEffect({"scale", "steps"}, Settings{.skip = true}),
            std::vector<std::string>{"--scale has no effect in this run: it is skipped"});
}

// What two programs have is a member of both their configs.
struct Program {
  std::string name = {};
  Settings part = {};
};

TEST(ConfigTableTest, TakesTheRowsOfAMember) {
  ConfigTable<Settings> rows("", "");
  rows.Integer(&Settings::steps, 1, 1000, {.key = "steps", .help = "length"})
      .NoEffect([](const Settings& s) { return s.skip ? "it skips" : ""; })
      .Path(&Settings::model, {.key = "model", .help = "model"});
  ConfigTable<Program> table("draw", "Draws.");
  table.Group("Names").Path(&Program::name, {.key = "name"}).Group("Sampling");
  table.Append(&Program::part, rows);
  ASSERT_EQ(table.schema().fields.size(), 3U);
  EXPECT_EQ(table.schema().fields[1].group, "Sampling");
  EXPECT_EQ(table.schema().fields[1].default_text, "25");
  Program program;
  ASSERT_TRUE(table.Set({1, "--steps", ConfigValue::Text("7")}, program).ok());
  EXPECT_EQ(program.part.steps, 7);
  ASSERT_TRUE(table.Set({2, "--model", ConfigValue::Text("m")}, program).ok());
  EXPECT_EQ(table.Print(program)[1].second, ConfigValue::Number("7"));
  table.MakePathsAbsolute("/home", program);
  EXPECT_EQ(program.part.model, "/home/m");
  EXPECT_TRUE(table.HasEffect("steps", program));
  program.part.skip = true;
  EXPECT_THAT(table.WithoutEffect({"steps"}, program),
              ElementsAre("--steps has no effect in this run: it skips"));
  program.part.steps = 0;
  EXPECT_FALSE(table.Check(program).ok());
}

TEST(ConfigTableTest, CompletesOnlyPaths) {
  Settings settings{.model = "m", .prompt = "p"};
  Table().MakePathsAbsolute("/base", settings);
  EXPECT_EQ(settings.model, "/base/m");
  EXPECT_EQ(settings.prompt, "p");
}

}  // namespace
}  // namespace draftp
