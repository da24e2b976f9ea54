#include "draftp/run/run_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const RunIdentity& LrRun() {
  static const auto* const run =
      new RunIdentity{{{"lr", "0.001"}, {"seed", "5"}}, {{"captions", std::string(64, 'a')}}};
  return *run;
}

TEST(RunIdentity, OfTheSameRunDiffersInNothing) {
  EXPECT_THAT(Differences(LrRun(), LrRun()), IsEmpty());
}

TEST(RunIdentity, NamesWhatDiffersWithBothValues) {
  RunIdentity now = LrRun();
  now.settings["lr"] = "0.002";
  now.inputs["captions"] = std::string(64, 'b');
  now.inputs["reward 1/model.safetensors"] = std::string(64, 'c');
  EXPECT_THAT(Differences(LrRun(), now),
              ElementsAre("--lr was 0.001, is 0.002",
                          "captions (SHA-256) was aaaaaaaaaaaa..., is bbbbbbbbbbbb...",
                          "reward 1/model.safetensors (SHA-256) was none, is cccccccccccc..."));
}

TEST(RunIdentity, ASettingOfAnotherVersionDoesNotCount) {
  RunIdentity now = LrRun();
  now.settings["new"] = "1";
  now.settings.erase("seed");
  EXPECT_THAT(Differences(LrRun(), now), IsEmpty());
}

TEST(RunIdentity, ReadsBackFromItsJson) {
  const auto read = RunIdentityFrom(nlohmann::json(ToJson(LrRun())));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, LrRun());
}

TEST(RunIdentity, RefusesOtherJson) {
  for (const char* text : {"null", "[]", "{}", R"({"settings":{},"inputs":[]})",
                           R"({"settings":{"a":1},"inputs":{}})", R"({"inputs":{}})"}) {
    EXPECT_FALSE(RunIdentityFrom(nlohmann::json::parse(text)).ok()) << text;
  }
}

TEST(FirstOf, CountsTheRest) {
  EXPECT_EQ(FirstOf({"a", "b"}, 2), "a; b");
  EXPECT_EQ(FirstOf({"a", "b", "c"}, 2), "a; b; and 1 more");
}

}  // namespace
}  // namespace draftp
