// Tests of precedence and of sources that disagree, over a small struct.
#include "draftp/config/config_load.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/config/config_json.h"
#include "draftp/config/config_schema.h"
#include "draftp/config/config_table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Strings = std::vector<std::string>;

struct LoadedSettings {
  int64_t steps = 25;
  uint64_t seed = 1243;
  double scale = 5.0;
  std::string model = {};
  bool operator==(const LoadedSettings&) const = default;
};

ConfigTable<LoadedSettings> LoadedTable() {
  ConfigTable<LoadedSettings> table("draw", "Draws.");
  table.Integer(&LoadedSettings::steps, 1, 1000, {.key = "steps", .original_keys = {"model.steps"}})
      .Seed(&LoadedSettings::seed, {.key = "seed"})
      .Number(&LoadedSettings::scale, 0, 10, {.key = "scale"})
      .Path(&LoadedSettings::model, {.key = "model"})
      .Rule({ConfigRule::Kind::kIgnored, {"model.optim.*"}, "", {}})
      .Sibling({.program = "learn", .key = "max_steps", .note = "use --model"});
  return table;
}

std::string Write(const std::string& name, const std::string& text) {
  const std::string path = ::testing::TempDir() + "/" + name;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
  return path;
}

absl::StatusOr<LoadedConfig<LoadedSettings>> Load(const Strings& arguments) {
  return LoadConfig(LoadedTable(), arguments, "/home/me");
}

std::string ErrorOf(const Strings& arguments) {
  const auto loaded = Load(arguments);
  EXPECT_FALSE(loaded.ok());
  return std::string(loaded.status().message());
}

TEST(ConfigLoadTest, NoArgumentGivesTheDefaults) {
  const auto loaded = Load({});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config, LoadedSettings{});
}

TEST(ConfigLoadTest, FlagsWinOverOverridesOverTheFileOverDefaults) {
  const std::string file = Write("load.yaml", "steps: 2\nseed: 2\nscale: 2\n");
  const auto loaded = Load({"--scale=4", "seed=3", "--config", file, "scale=3"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config, (LoadedSettings{.steps = 2, .seed = 3, .scale = 4}));
}

TEST(ConfigLoadTest, TellsWhatWasTypedAndWhatAnySourceGave) {
  const std::string file = Write("given.yaml", "model: {steps: 2}\nscale: 2\n");
  const auto loaded = Load({"--config", file, "--scale=4", "seed=3"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->flags, ElementsAre("scale", "seed"));
  EXPECT_THAT(loaded->given, ElementsAre("scale", "seed", "steps"));
}

TEST(ConfigLoadTest, KnowsAnotherProgramsFile) {
  const std::string file = Write("other/run.json", R"({"config": {"max_steps": 3, "rank": 2}})");
  EXPECT_EQ(
      ErrorOf({"--config", file}),
      file + ": found the settings of learn (max_steps), expected those of draw; use --model");
}

TEST(ConfigLoadTest, ARuleThatATypedFlagBreaksHasNoFile) {
  LoadedConfig<LoadedSettings> loaded;
  loaded.flags = {"steps"};
  const auto shown = [&](const char* message, const std::string& file) {
    return std::string(WithConfigFile(absl::InvalidArgumentError(message), loaded, file).message());
  };
  EXPECT_EQ(shown("--steps: found 3", "a.yaml"), "--steps: found 3");
  EXPECT_EQ(shown("--scale: found 3", "a.yaml"), "--scale: found 3 (with --config=a.yaml)");
  EXPECT_EQ(shown("--scale: found 3", ""), "--scale: found 3");
}

TEST(ConfigLoadTest, QuestionsAndTheLastOfAFlagPassOn) {
  const auto loaded = Load({"--steps=3", "--print_config", "--quiet", "--steps=4"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE(loaded->print_config && loaded->quiet);
  EXPECT_EQ(loaded->config.steps, 4);
  EXPECT_THAT(loaded->notices, ElementsAre(HasSubstr("--steps is there 2 times")));
  EXPECT_TRUE(Load({"--version"})->help && Load({"--version"})->version);
  EXPECT_TRUE(Load({"--help_all"})->help && Load({"--help_all"})->help_all);
}

TEST(ConfigLoadTest, NullGoesBackToTheDefault) {
  const std::string file = Write("null.yaml", "steps: 2\nscale:\n");
  const auto loaded = Load({"--config", file, "steps=null"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config, LoadedSettings{});
}

TEST(ConfigLoadTest, RejectsTwoSpellingsInOneSourceOnly) {
  const std::string file = Write("spellings.yaml", "model.steps: 2\n");
  EXPECT_TRUE(Load({"--config", file, "steps=3", "--steps=4"}).ok());
  EXPECT_EQ(ErrorOf({"steps=3", "model.steps=3"}),
            "model.steps=3: found a second value for steps, expected one; the first is steps=3");
  EXPECT_THAT(ErrorOf({"--config", Write("two.yaml", "steps: 1\nmodel: {steps: 1}\n")}),
              HasSubstr("two.yaml:2: model.steps: found a second value for steps"));
}

TEST(ConfigLoadTest, NamesFileLineKeyFoundAndExpected) {
  const std::string file = Write("bad.yaml", "seed: 1\nsteps: many\n");
  EXPECT_EQ(ErrorOf({"--config", file}),
            file + ":2: steps: found \"many\", expected an integer from 1 to 1000");
  EXPECT_EQ(ErrorOf({"steps={}"}), "steps={}: found \"{}\", expected an integer from 1 to 1000");
  EXPECT_THAT(ErrorOf({"--config", Write("map.yaml", "steps: {a: 1}")}),
              HasSubstr("steps.a: found a key below steps"));
  EXPECT_THAT(ErrorOf({"--config", Write("list.yaml", "steps: [1]")}), HasSubstr("found a list"));
}

TEST(ConfigLoadTest, CarriesNoticesOfIgnoredKeys) {
  const std::string file = Write("train.yaml", "model: {optim: {lr: 1, betas: [0, 1]}}\n");
  const auto loaded = Load({"--config", file});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->notices,
              ElementsAre(file + ": ignored, for draw has no use for them: model.optim.*"));
}

TEST(ConfigLoadTest, PathsStartAtTheUsersFolderAlsoInsideFiles) {
  const std::string file = Write("paths.yaml", "model: a/b\n");
  EXPECT_EQ(Load({"--config", file})->config.model, "/home/me/a/b");
  EXPECT_EQ(Load({"--model=../x"})->config.model, "/home/x");
  EXPECT_THAT(ErrorOf({"--config=absent.yaml"}), HasSubstr("/home/me/absent.yaml"));
}

TEST(ConfigLoadTest, ARunsConfigRepeatsItExactly) {
  const LoadedSettings settings{
      .steps = 7, .seed = UINT64_MAX, .scale = 0.1, .model = "/a \"b\" é"};
  nlohmann::ordered_json run;
  run["config"] = ConfigValuesToJson(LoadedTable().Print(settings));
  run["result"] = {{"seconds", 1.5}};
  const auto loaded = Load({"--config", Write("run.json", run.dump(2))});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config, settings);
}

TEST(ConfigLoadTest, HelpComesBeforeFilesAndValues) {
  const auto loaded = Load({"--config=absent.yaml", "--steps=x", "--help"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE(loaded->help);
}

}  // namespace
}  // namespace draftp
