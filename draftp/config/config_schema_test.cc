// Tests of key resolution: spellings, refusals, duplicates, nearest names.
#include "draftp/config/config_schema.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/config/config_value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ConfigSchema Schema() {
  ConfigSchema schema;
  schema.program = "draw";
  schema.fields.push_back(
      {.key = "steps", .original_keys = {"model.sampling.base.steps"}, .expected = "an integer"});
  schema.fields.push_back(
      {.key = "guidance_scale", .original_keys = {"model.sampling.base.scale"}});
  schema.fields.push_back({.key = "batch_size"});
  schema.fields.push_back({.key = "model", .expected = "a path"});
  schema.rules = {
      {ConfigRule::Kind::kRefused, {"model.unet.from_NeMo"}, "use --model instead", {}},
      {ConfigRule::Kind::kIgnored, {"model.unet.*"}, "the model folder says it", {}},
      {ConfigRule::Kind::kOnly, {"model.guider"}, "it is the only guider", {"VanillaCFG"}},
  };
  return schema;
}

ConfigEntry Entry(const std::string& key, const std::string& text) {
  return {key, "f.yaml:1: " + key, ConfigValue::Text(text)};
}

std::string ErrorOfEntries(const std::vector<ConfigEntry>& entries) {
  const absl::StatusOr<ConfigSettings> out = ResolveEntries(Schema(), "f.yaml", entries);
  EXPECT_EQ(out.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(out.status().message());
}

TEST(ConfigSchemaTest, FindsRowsByBothSpellings) {
  const auto ours = ResolveEntries(Schema(), "f.yaml", {Entry("steps", "7")});
  const auto theirs = ResolveEntries(Schema(), "f.yaml", {Entry("model.sampling.base.steps", "7")});
  ASSERT_TRUE(ours.ok() && theirs.ok());
  EXPECT_EQ(ours->settings.at(0).field, 0U);
  EXPECT_EQ(theirs->settings.at(0).field, 0U);
  EXPECT_EQ(theirs->settings.at(0).value, ConfigValue::Text("7"));
}

TEST(ConfigSchemaTest, RejectsOneRowSetByTwoSpellings) {
  EXPECT_EQ(
      ErrorOfEntries({Entry("steps", "7"), Entry("model.sampling.base.steps", "7")}),
      "f.yaml:1: model.sampling.base.steps: found a second value for steps, expected one; the "
      "first is f.yaml:1: steps");
  EXPECT_THAT(ErrorOfEntries({Entry("steps", "7"), Entry("steps", "8")}),
              HasSubstr("second value"));
}

TEST(ConfigSchemaTest, NamesTheNearestKeyOfAnUnknownOne) {
  EXPECT_EQ(ErrorOfEntries({Entry("stesp", "7")}),
            "f.yaml:1: stesp: found the unknown key \"stesp\"; the nearest valid key is steps");
  EXPECT_THAT(ErrorOfEntries({Entry("model.sampling.steps", "7")}),
              HasSubstr("is model.sampling.base.steps"));
  EXPECT_THAT(ErrorOfEntries({Entry("reward", "7")}), HasSubstr("; --help_all lists all"));
}

TEST(ConfigSchemaTest, RejectsKeysBelowARow) {
  EXPECT_EQ(ErrorOfEntries({Entry("steps.count", "7")}),
            "f.yaml:1: steps.count: found a key below steps, expected an integer as its value");
}

TEST(ConfigSchemaTest, RefusesKeysByNameWithWhatToUse) {
  EXPECT_EQ(
      ErrorOfEntries({Entry("model.unet.from_NeMo", "True")}),
      "f.yaml:1: model.unet.from_NeMo: found model.unet.from_NeMo, which has no meaning here; "
      "use --model instead");
}

TEST(ConfigSchemaTest, CollectsIgnoredKeysInOneNotice) {
  const auto out = ResolveEntries(Schema(), "f.yaml",
                                  {Entry("model.unet.a", "1"), Entry("model.unet.b.c", "2")});
  ASSERT_TRUE(out.ok());
  EXPECT_THAT(out->settings, IsEmpty());
  EXPECT_THAT(out->notices,
              ElementsAre("f.yaml: ignored, for draw has no use for them: model.unet.*"));
}

TEST(ConfigSchemaTest, AcceptsOnlyTheValueThatIsComputed) {
  EXPECT_TRUE(ResolveEntries(Schema(), "f.yaml", {Entry("model.guider", "VanillaCFG")}).ok());
  EXPECT_EQ(
      ErrorOfEntries({Entry("model.guider", "Identity")}),
      "f.yaml:1: model.guider: found \"Identity\", expected VanillaCFG: it is the only guider");
}

TEST(ConfigSchemaTest, NullsOfKeysWithoutARowPass) {
  const ConfigEntry null = {"model.unet.from_NeMo", "f.yaml:1: x", ConfigValue::Null()};
  const auto out = ResolveEntries(Schema(), "f.yaml", {null});
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_THAT(out->notices, IsEmpty());
}

TEST(ConfigSchemaTest, NearestKeyCountsSwapsCaseDashesAndAbbreviations) {
  const std::vector<std::string> names = {"steps", "seed", "batch_size", "guidance_scale",
                                          "device"};
  EXPECT_EQ(NearestKey("setps", names), "steps");
  EXPECT_EQ(NearestKey("Batch-Size", names), "batch_size");
  EXPECT_EQ(NearestKey("guidance", names), "guidance_scale");
  EXPECT_EQ(NearestKey("sead", names), "seed");
  EXPECT_EQ(NearestKey(std::string(100000, 'x'), names), "");
  EXPECT_EQ(NearestKey("reward", names), "");
  EXPECT_EQ(NearestKey("x", {}), "");
}

TEST(ConfigSchemaTest, PatternsMatchWholeComponents) {
  EXPECT_TRUE(MatchesPattern("a.b", "a.*"));
  EXPECT_TRUE(MatchesPattern("a.b.c", "a.*"));
  EXPECT_TRUE(MatchesPattern("a", "a.*"));
  EXPECT_FALSE(MatchesPattern("ab", "a.*"));
  EXPECT_TRUE(MatchesPattern("a.b", "a.b"));
  EXPECT_FALSE(MatchesPattern("a.b.c", "a.b"));
}

}  // namespace
}  // namespace draftp
