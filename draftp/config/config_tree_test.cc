// Tests of the flattening and its limits, with events fed by hand.
#include "draftp/config/config_tree.h"

#include <string>

#include "absl/status/status.h"
#include "draftp/config/config_value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;

std::string MessageOf(const ConfigTreeBuilder& tree) {
  return std::string(tree.status().message());
}

TEST(ConfigTreeTest, FlattensNestedMapsAndRemembersLines) {
  ConfigTreeBuilder tree("f.yaml");
  tree.BeginMap(1);
  tree.Key("a", 1);
  tree.BeginMap(2);
  tree.Key("b", 2);
  tree.Value(ConfigValue::Text("1"), 2);
  tree.EndMap();
  tree.Key("c", 3);
  tree.Value(ConfigValue::Null(), 3);
  tree.EndMap();
  ASSERT_TRUE(tree.status().ok()) << tree.status();
  ASSERT_EQ(tree.entries().size(), 2U);
  EXPECT_EQ(tree.entries()[0].key, "a.b");
  EXPECT_EQ(tree.entries()[0].where, "f.yaml:2: a.b");
  EXPECT_EQ(tree.entries()[1].value, ConfigValue::Null());
}

TEST(ConfigTreeTest, ListsOfScalarsAreOneValue) {
  ConfigTreeBuilder tree("f.json");
  tree.BeginMap(0);
  tree.Key("a", 0);
  tree.BeginList(0);
  tree.Value(ConfigValue::Text("x"), 0);
  tree.Value(ConfigValue::Number("2"), 0);
  tree.EndList();
  tree.EndMap();
  ASSERT_EQ(tree.entries().size(), 1U);
  EXPECT_EQ(tree.entries()[0].value, ConfigValue::List({"x", "2"}));
  EXPECT_EQ(tree.entries()[0].where, "f.json: a");
}

TEST(ConfigTreeTest, ListsOfMapsAreOneNestedValue) {
  ConfigTreeBuilder tree("f");
  tree.BeginMap(1);
  tree.Key("a", 1);
  tree.BeginList(1);
  tree.BeginMap(2);
  tree.Key("same", 2);
  tree.BeginList(2);
  tree.EndList();
  tree.EndMap();
  tree.Value(ConfigValue::Text("x"), 3);
  tree.EndList();
  tree.Key("b", 4);
  tree.Value(ConfigValue::Text("y"), 4);
  tree.EndMap();
  ASSERT_EQ(tree.entries().size(), 2U);
  EXPECT_EQ(tree.entries()[0].value, ConfigValue::Nested());
  EXPECT_EQ(tree.entries()[1].key, "b");
}

TEST(ConfigTreeTest, RejectsAKeyGivenTwiceInOneMap) {
  ConfigTreeBuilder tree("f.yaml");
  tree.BeginMap(1);
  tree.Key("a", 1);
  tree.Value(ConfigValue::Text("1"), 1);
  tree.Key("a", 2);
  EXPECT_EQ(MessageOf(tree), "f.yaml:2: found the key \"a\" a second time, expected it once");
}

TEST(ConfigTreeTest, RejectsAKeyGivenNestedAndDotted) {
  ConfigTreeBuilder tree("f.yaml");
  tree.BeginMap(1);
  tree.Key("a", 1);
  tree.BeginMap(2);
  tree.Key("b", 2);
  tree.Value(ConfigValue::Text("1"), 2);
  tree.EndMap();
  tree.Key("a.b", 3);
  tree.Value(ConfigValue::Text("1"), 3);
  EXPECT_EQ(MessageOf(tree), "f.yaml:3: found the key \"a.b\" a second time, expected it once");
}

TEST(ConfigTreeTest, RejectsEndlessDepth) {
  ConfigTreeBuilder tree("f.yaml");
  for (int i = 0; i < 100; ++i) {
    tree.BeginMap(i + 1);
    tree.Key("a", i + 1);
  }
  EXPECT_THAT(MessageOf(tree), HasSubstr("more than 32 levels"));
}

TEST(ConfigTreeTest, RejectsEndlessDepthInsideAList) {
  ConfigTreeBuilder tree("f.yaml");
  tree.BeginMap(1);
  tree.Key("a", 1);
  for (int i = 0; i < 100; ++i) tree.BeginList(1);
  EXPECT_THAT(MessageOf(tree), HasSubstr("more than 32 levels"));
}

TEST(ConfigTreeTest, RejectsTooManyValues) {
  ConfigTreeBuilder tree("f.yaml");
  tree.BeginMap(1);
  tree.Key("a", 1);
  tree.BeginList(1);
  for (int i = 0; i < 10001; ++i) tree.Value(ConfigValue::Text("x"), 1);
  EXPECT_THAT(MessageOf(tree), HasSubstr("more than 10000 values"));
}

TEST(ConfigTreeTest, RejectsOddKeys) {
  for (const std::string& key : {std::string(), std::string("a\nb"), std::string("\xFF"),
                                 std::string(2000, 'k'), std::string("a\0b", 3)}) {
    ConfigTreeBuilder tree("f.yaml");
    tree.BeginMap(1);
    tree.Key(key, 1);
    EXPECT_THAT(MessageOf(tree), HasSubstr("expected a name"));
    EXPECT_EQ(MessageOf(tree).find('\n'), std::string::npos);
  }
}

TEST(ConfigTreeTest, TheTopIsAMapOrNothing) {
  ConfigTreeBuilder nothing("f.yaml");
  nothing.Value(ConfigValue::Null(), 1);
  EXPECT_TRUE(nothing.status().ok());
  ConfigTreeBuilder text("f.yaml");
  text.Value(ConfigValue::Text("x"), 1);
  EXPECT_EQ(MessageOf(text), "f.yaml:1: found \"x\", expected a map of keys and values");
  ConfigTreeBuilder list("f.yaml");
  list.BeginList(1);
  EXPECT_EQ(MessageOf(list), "f.yaml:1: found a list, expected a map of keys and values");
}

}  // namespace
}  // namespace draftp
