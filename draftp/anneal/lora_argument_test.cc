#include "draftp/anneal/lora_argument.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;

TEST(LoraArgumentTest, TheWeightStandsBehindTheLastColon) {
  EXPECT_EQ(ParseLoraArgument("a/b.safetensors"), (LoraArgument{"a/b.safetensors"}));
  EXPECT_EQ(ParseLoraArgument("b:linear"), (LoraArgument{"b", "linear"}));
  EXPECT_EQ(ParseLoraArgument("b:0.70"), (LoraArgument{"b", "0.70"}));
  EXPECT_EQ(ParseLoraArgument("a:b:-1"), (LoraArgument{"a:b", "-1"}));
  EXPECT_EQ(ParseLoraArgument("b:piecewise(0:0,0.5:1)"),
            (LoraArgument{"b", "piecewise(0:0,0.5:1)"}));
  EXPECT_EQ(ParseLoraArgument("b:step_2@sigma"), (LoraArgument{"b", "step_2@sigma"}));
  for (const char* path : {"b:", ":0.5", "a:b/c", "b:lineal"})
    EXPECT_EQ(ParseLoraArgument(path), (LoraArgument{path}));
}

TEST(LoraArgumentTest, WhatIsThereIsAPathAndWhatStandsBehindItAWeight) {
  const testing::TemporaryFolder folder;
  const std::string odd = folder.Write("b:0.7", ""), plain = folder.Write("c", "");
  EXPECT_EQ(ParseLoraArgument(odd), (LoraArgument{odd}));
  EXPECT_EQ(ParseLoraArgument(odd + ":0.5"), (LoraArgument{odd, "0.5"}));
  EXPECT_TRUE(CheckLoraArguments({ParseLoraArgument(odd), {"x", "linear"}}).ok());
  const absl::Status status = CheckLoraArguments({ParseLoraArgument(plain + ":lineal")});
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("--lora: behind " + plain + ": weight type \"lineal\": unknown name"));
}

TEST(LoraArgumentTest, AWeightIsTypedBehindOne) {
  EXPECT_FALSE(HaveTypedWeights({}));
  EXPECT_FALSE(HaveTypedWeights({{"a"}, {"b"}}));
  EXPECT_TRUE(HaveTypedWeights({{"a"}, {"b", "linear"}}));
}

}  // namespace
}  // namespace draftp
