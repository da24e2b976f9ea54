// Tests of the JSON reader and printer: exact round trips, run.json's config object, malformed
// text.
#include "draftp/config/config_json.h"

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "draftp/config/config_schema.h"
#include "draftp/config/config_value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace draftp {
namespace {

using ::testing::HasSubstr;

std::string ParsedJson(const std::string& json) {
  const absl::StatusOr<std::vector<ConfigEntry>> entries = ParseJsonConfig("run.json", json);
  if (!entries.ok()) return std::string(entries.status().message());
  std::string out;
  for (const ConfigEntry& entry : *entries) {
    absl::StrAppend(&out, entry.key, "=", DescribeForMessage(entry.value), ";");
  }
  return out;
}

TEST(ConfigJsonTest, FlattensAPlainObject) {
  EXPECT_EQ(ParsedJson(R"({"a": {"b": 25}, "c": ["x", 1], "d": null, "e": true, "f": "t"})"),
            "a.b=\"25\";c=a list;d=nothing;e=\"true\";f=\"t\";");
}

TEST(ConfigJsonTest, TakesOnlyTheConfigObjectOfARun) {
  EXPECT_EQ(ParsedJson(R"({"result": {"x": [{"y": 1}]}, "config": {"steps": 3}, "z": 1})"),
            "steps=\"3\";");
  EXPECT_EQ(ParsedJson(R"({"config": {}, "z": 1})"), "");
  EXPECT_EQ(ParsedJson(R"({"config": 5})"), "config=\"5\";");
}

TEST(ConfigJsonTest, ARunsResultMayBeLargerThanAConfiguration) {
  nlohmann::json run = {{"config", {{"steps", 3}}}};
  run["result"] = std::vector<int>(20000, 1);
  EXPECT_EQ(ParsedJson(run.dump()), "steps=\"3\";");
  run.erase("config");
  EXPECT_THAT(ParsedJson(run.dump()), HasSubstr("more than 10000 values"));
}

TEST(ConfigJsonTest, NumbersKeepTheirDigits) {
  EXPECT_EQ(ParsedJson(R"({"a": 18446744073709551615, "b": -5, "c": 1e-4, "d": 0.1000})"),
            "a=\"18446744073709551615\";b=\"-5\";c=\"1e-4\";d=\"0.1000\";");
}

TEST(ConfigJsonTest, RejectsRepeatedKeysAndConfigs) {
  EXPECT_EQ(ParsedJson(R"({"a": 1, "a": 2})"),
            "run.json: found the key \"a\" a second time, expected it once");
  EXPECT_EQ(ParsedJson(R"({"config": {"a": 1}, "config": {"b": 2}})"),
            "run.json: found a second object config, expected one");
}

TEST(ConfigJsonTest, RejectsBrokenTextInOneLine) {
  for (const char* bad :
       {"", "{", "{\"a\": nan}", "{\"a\": NaN}", "{\"a\": 0x10}", "{\"a\": 1e999}", "{\"a\": 1} x",
        "{\"a\": .5}", "{'a': 1}", "[1]", "5", "\"x\"", "{\"a\": \"\xFF\"}", "{\"\": 1}",
        "{\"a\": \"\n\"}", "{\"a\": 01}"}) {
    EXPECT_FALSE(ParseJsonConfig("run.json", bad).ok()) << bad;
    EXPECT_THAT(ParsedJson(bad), HasSubstr("run.json: found"));
    EXPECT_EQ(ParsedJson(bad).find('\n'), std::string::npos) << bad;
  }
}

TEST(ConfigJsonTest, BoundsDepthAndSize) {
  EXPECT_THAT(ParsedJson("{\"a\": " + std::string(99, '[') + std::string(99, ']') + "}"),
              HasSubstr("more than 32 levels"));
  EXPECT_FALSE(ParseJsonConfig("run.json", "{\"a\": " + std::string(100000, '[')).ok());
  EXPECT_THAT(ParsedJson(std::string((16 << 20) + 1, ' ')), HasSubstr("expected at most 16777216"));
}

TEST(ConfigJsonTest, PrintedValuesReadBackExactly) {
  const std::vector<std::pair<std::string, ConfigValue>> values = {
      {"seed", ConfigValue::Number("18446744073709551615")},
      {"scale", ConfigValue::Number("0.1")},
      {"skip", ConfigValue::Bool(true)},
      {"prompt", ConfigValue::Text("a \"quoted\"\n\u00e9 🎨")},
      {"types", ConfigValue::List({"base", "step_0.6"})},
      {"model", ConfigValue::Null()}};
  const std::string printed = ConfigValuesToJson(values).dump(2);
  const auto entries = ParseJsonConfig("run.json", printed);
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ((*entries)[i].key, values[i].first);
    EXPECT_EQ((*entries)[i].value, values[i].second);
  }
}

TEST(ConfigJsonTest, EndsOnEveryDamagedText) {
  const std::string good = R"({"config": {"steps": 25, "prompt": "a\u00e9", "t": ["x"]}, "r": {}})";
  std::mt19937 random(3);
  for (int i = 0; i < 20000; ++i) {
    std::string text = good.substr(0, random() % (good.size() + 1));
    for (unsigned flips = random() % 4; flips > 0 && !text.empty(); --flips) {
      text[random() % text.size()] = static_cast<char>(random() % 256);
    }
    const auto entries = ParseJsonConfig("run.json", text);
    ASSERT_TRUE(entries.ok() || !entries.status().message().empty());
  }
}

}  // namespace
}  // namespace draftp
