#include "draftp/io/config_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace draftp {
namespace {

using ::testing::HasSubstr;

JsonReader CheckedJson(const std::string& text) {
  return JsonReader("config.json", nlohmann::json::parse(text));
}

TEST(ConfigChecksTest, NamesFileKeyValueAndWhatIsSupported) {
  JsonReader json = CheckedJson(R"({"act_fn": "relu"})");
  StringOneOf(json, "act_fn", {"silu", "swish"});
  EXPECT_EQ(Finish(json).message(),
            R"(config.json: key "act_fn": found "relu", supported: silu, swish)");
}

TEST(ConfigChecksTest, AnAbsentKeyTakesTheFallbackOrIsAnError) {
  JsonReader json = CheckedJson("{}");
  EXPECT_EQ(StringOneOf(json, "act_fn", {"silu"}, "silu"), "silu");
  EXPECT_TRUE(Finish(json).ok());
  StringOneOf(json, "act_fn", {"silu"});
  EXPECT_THAT(std::string(Finish(json).message()), HasSubstr("act_fn"));
}

TEST(ConfigChecksTest, UnsetMeansAbsentNullFalseOrEmpty) {
  for (const char* text :
       {"{}", R"({"k": null})", R"({"k": false})", R"({"k": {}})", R"({"k": []})"}) {
    JsonReader json = CheckedJson(text);
    RequireUnset(json, "k", "reason");
    EXPECT_TRUE(Finish(json).ok()) << text;
  }
  JsonReader json = CheckedJson(R"({"k": [1]})");
  RequireUnset(json, "k", "reason");
  EXPECT_EQ(Finish(json).message(), R"(config.json: key "k": found [1], not supported: reason)");
}

TEST(ConfigChecksTest, AKeyThatNobodyReadsIsAnError) {
  JsonReader json = CheckedJson(R"({"known": 1, "novel": 2})");
  json.Int("known");
  EXPECT_THAT(std::string(Finish(json).message()), HasSubstr(R"(key "novel")"));
}

}  // namespace
}  // namespace draftp
