// JSON under limits, and typed access to configs.
#include "draftp/io/json_file.h"

#include <gtest/gtest.h>

#include <string>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

JsonReader Reader(const std::string& text) {
  return JsonReader("c.json", *ParseJson("c.json", text));
}

TEST(ParseJsonTest, ReadsAnObject) {
  EXPECT_EQ((*ParseJson("f", R"({"a": [1, 2.5, "x", null, true]})"))["a"][1].get<double>(), 2.5);
}

TEST(ParseJsonTest, NamesFileLineAndColumnOfBadSyntax) {
  EXPECT_THAT(ParseJson("f.json", "{\n\"a\": ?}"),
              FailsWith("f.json: isn't valid JSON: parse error at line 2, column 6"));
  EXPECT_THAT(ParseJson("f.json", ""), FailsWith("f.json: isn't valid JSON"));
  EXPECT_THAT(ParseJson("f.json", "{} {}"), FailsWith("f.json: isn't valid JSON"));
  EXPECT_THAT(ParseJson("f.json", "[1e999]"), FailsWith("f.json: isn't valid JSON"));
  EXPECT_THAT(ParseJson("f.json", "[\"\xff\"]"), FailsWith("f.json: isn't valid JSON"));
}

TEST(ParseJsonTest, RejectsANullByteInsteadOfStoppingAtIt) {
  EXPECT_THAT(ParseJson("f", std::string("{}\0 rubbish", 11)), FailsWith("null byte at 2"));
}

TEST(ParseJsonTest, RejectsDuplicateKeysOfOneObjectOnly) {
  EXPECT_THAT(ParseJson("f", R"({"a": 1, "b": {"a": 2}, "a": 3})"),
              FailsWith("key \"a\": found twice"));
  EXPECT_TRUE(ParseJson("f", R"({"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]})").ok());
}

TEST(ParseJsonTest, BoundsNesting) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(ParseJson("f", nested(kMaxJsonDepth)).ok());
  EXPECT_THAT(ParseJson("f", nested(kMaxJsonDepth + 1)), FailsWith("nesting deeper than 64"));
  EXPECT_THAT(ParseJson("f", std::string(1'000'000, '[')), FailsWith("nesting deeper than 64"));
}

TEST(ReadJsonFileTest, NamesTheFile) {
  const TemporaryFolder folder;
  EXPECT_EQ((*ReadJsonFile(folder.Write("a.json", "[1]")))[0], 1);
  EXPECT_THAT(ReadJsonFile(folder / "b.json"), FailsWith("/b.json: can't read: No such file"));
  EXPECT_THAT(ReadJsonFile(folder / "a.json", 2), FailsWith("/a.json: found more than 2 bytes"));
}

TEST(JsonReaderTest, TakesPythonsNumbersBeyondJsonForTexts) {
  const TemporaryFolder folder;
  const std::string path = folder.Write(
      "a.json", R"({"a": -Infinity, "b": [NaN, Infinity], "c": "NaN \" -Infinity", "d\\": 1})");
  auto json = JsonReader::Open(path);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->String("a"), "-Infinity");
  EXPECT_THAT(json->StringList("b"), ElementsAre("NaN", "Infinity"));
  EXPECT_EQ(json->String("c"), "NaN \" -Infinity");
  EXPECT_EQ(json->Int("d\\"), 1);
  json->Double("a");
  EXPECT_THAT(json->status(), FailsWith("found \"-Infinity\", expected a number"));
  EXPECT_THAT(JsonReader::Open(folder.Write("b.json", "{\"a\": -Infinit}")),
              FailsWith("isn't valid JSON"));
}

TEST(JsonReaderTest, ReadsEachType) {
  JsonReader json = Reader(R"({"i": -3, "d": 0.5, "b": true, "s": "x", "il": [1, 2], "dl": [1, 2.5],
                               "bl": [true, false], "sl": ["x", "y"]})");
  EXPECT_EQ(json.Int("i"), -3);
  EXPECT_EQ(json.Double("d"), 0.5);
  EXPECT_EQ(json.Double("i"), -3.0);
  EXPECT_TRUE(json.Bool("b"));
  EXPECT_EQ(json.String("s"), "x");
  EXPECT_THAT(json.IntList("il"), ElementsAre(1, 2));
  EXPECT_THAT(json.DoubleList("dl"), ElementsAre(1.0, 2.5));
  EXPECT_THAT(json.BoolList("bl"), ElementsAre(true, false));
  EXPECT_THAT(json.StringList("sl"), ElementsAre("x", "y"));
  EXPECT_TRUE(json.status().ok()) << json.status();
}

TEST(JsonReaderTest, TakesDefaultsForAbsentKeys) {
  JsonReader json = Reader("{}");
  EXPECT_EQ(json.Int("i", 7), 7);
  EXPECT_EQ(json.String("s", "silu"), "silu");
  EXPECT_THAT(json.IntList("l", {{1, 2}}), ElementsAre(1, 2));
  EXPECT_TRUE(json.status().ok());
}

TEST(JsonReaderTest, DemandsKeysWithoutADefault) {
  JsonReader json = Reader("{}");
  EXPECT_EQ(json.Int("in_channels"), 0);
  EXPECT_THAT(json.status(), FailsWith("c.json: key \"in_channels\": found nothing"));
}

TEST(JsonReaderTest, NamesFileKeyAndBothTypes) {
  const auto error = [](const std::string& text, auto read) {
    JsonReader json = Reader(text);
    read(json);
    return json.status();
  };
  const auto read_int = [](JsonReader& json) { json.Int("k", 1); };
  EXPECT_THAT(error(R"({"k": "4"})", read_int),
              FailsWith("c.json: key \"k\": found \"4\", expected an integer"));
  EXPECT_THAT(error(R"({"k": 4.0})", read_int), FailsWith("found 4.0, expected an integer"));
  EXPECT_THAT(error(R"({"k": null})", read_int), FailsWith("found null, expected an integer"));
  EXPECT_THAT(error(R"({"k": 9223372036854775808})", read_int),
              FailsWith("expected an integer of 64 bits"));
  EXPECT_THAT(error(R"({"k": [1, "x"]})", [](JsonReader& json) { json.IntList("k"); }),
              FailsWith("found [1,\"x\"], expected a list of integers"));
  EXPECT_THAT(error(R"({"k": 1})", [](JsonReader& json) { json.Bool("k"); }),
              FailsWith("expected true or false"));
}

TEST(JsonReaderTest, KeepsTheFirstError) {
  JsonReader json = Reader(R"({"a": "x", "b": "y"})");
  json.Int("a");
  json.Int("b");
  EXPECT_THAT(json.status(), FailsWith("key \"a\""));
}

TEST(JsonReaderTest, ChecksBounds) {
  JsonReader json = Reader(R"({"heads": 0, "depth": 5})");
  EXPECT_EQ(json.IntBetween("depth", 1, 5), 5);
  EXPECT_TRUE(json.status().ok());
  EXPECT_EQ(json.IntBetween("heads", 1, 64), 1);
  EXPECT_THAT(json.status(), FailsWith("key \"heads\": found 0, expected 1 to 64"));
}

TEST(JsonReaderTest, SpreadsOneValueOverAList) {
  JsonReader json = Reader(R"({"one": 8, "each": [5, 10], "flags": true})");
  EXPECT_THAT(json.IntOrIntList("one", 3), ElementsAre(8, 8, 8));
  EXPECT_THAT(json.IntOrIntList("each", 2), ElementsAre(5, 10));
  EXPECT_THAT(json.IntOrIntList("none", 2, 1), ElementsAre(1, 1));
  EXPECT_THAT(json.BoolOrBoolList("flags", 2), ElementsAre(true, true));
  EXPECT_TRUE(json.status().ok());
  EXPECT_EQ(json.IntOrIntList("each", 3).size(), 3U);
  EXPECT_THAT(json.status(), FailsWith("key \"each\": found 2 values, expected 3"));
}

TEST(JsonReaderTest, OptionalFormsTakeNullForAbsent) {
  JsonReader json = Reader(R"({"null": null, "i": 3, "d": 0.5, "s": "x", "l": [0.5]})");
  EXPECT_EQ(json.OptionalInt("null"), std::nullopt);
  EXPECT_EQ(json.OptionalInt("absent"), std::nullopt);
  EXPECT_EQ(json.OptionalInt("i"), 3);
  EXPECT_EQ(json.OptionalDouble("d"), 0.5);
  EXPECT_EQ(json.OptionalString("s"), "x");
  EXPECT_THAT(*json.OptionalDoubleList("l"), ElementsAre(0.5));
  EXPECT_TRUE(json.status().ok());
  EXPECT_EQ(json.OptionalInt("s"), std::nullopt);
  EXPECT_THAT(json.status(), FailsWith("key \"s\""));
}

TEST(JsonReaderTest, ListsKeysThatNobodyAskedFor) {
  JsonReader json = Reader(R"({"a": 1, "b": null, "c": 3, "d": 4})");
  json.Int("a");
  EXPECT_FALSE(json.Has("b"));
  EXPECT_TRUE(json.Has("c"));
  json.Ignore({"d", "e"});
  EXPECT_THAT(json.Unknown(), ElementsAre("b", "c"));
  EXPECT_NE(json.Find("c"), nullptr);
  EXPECT_EQ(json.Find("x"), nullptr);
  EXPECT_EQ(json.OptionalInt("b"), std::nullopt);
  EXPECT_THAT(json.Unknown(), IsEmpty());
}

TEST(JsonReaderTest, BoundsTheSizeOfAConfig) {
  const TemporaryFolder folder;
  EXPECT_THAT(JsonReader::Open(folder.Write("a.json", std::string((1 << 20) + 1, ' '))),
              FailsWith("/a.json: found more than 1048576 bytes"));
}

TEST(JsonReaderTest, RefusesWhatIsNotAnObject) {
  const TemporaryFolder folder;
  EXPECT_THAT(JsonReader::Open(folder.Write("a.json", "[1]")),
              FailsWith("/a.json: found [1], expected a JSON object"));
  JsonReader json("c.json", nlohmann::json(3));
  EXPECT_EQ(json.Int("k", 5), 5);
  EXPECT_FALSE(json.status().ok());
}

}  // namespace
}  // namespace draftp
