#include "draftp/adapter/scaled_adapter.h"

#include <gtest/gtest.h>

#include <string>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

AdapterArgument SplitAt(const std::string& text) {
  return SplitAdapterArgument(text, [](const std::string& factor) { return factor == "0.5"; });
}

TEST(AdapterArgumentTest, TheFactorStandsBehindTheLastColonOutsideOfParentheses) {
  EXPECT_EQ(SplitAt("a.safetensors"), (AdapterArgument{"a.safetensors"}));
  EXPECT_EQ(SplitAt("a:b:0.5"), (AdapterArgument{"a:b", "0.5"}));
  const auto any = [](const std::string&) { return true; };
  EXPECT_EQ(SplitAdapterArgument("b:f(0:0,1:1)", any), (AdapterArgument{"b", "f(0:0,1:1)"}));
}

TEST(AdapterArgumentTest, WhatMeansNoFactorIsOfThePath) {
  for (const char* path : {"b:", ":0.5", "a:b", "embedded:lora", "a[x:2]"})
    EXPECT_EQ(SplitAt(path), (AdapterArgument{path}));
}

TEST(AdapterArgumentTest, WhatIsThereDecides) {
  const testing::TemporaryFolder folder;
  const std::string odd = folder.Write("b:0.5", ""), plain = folder.Write("c", "");
  EXPECT_EQ(SplitAt(odd), (AdapterArgument{odd}));
  EXPECT_EQ(SplitAt(odd + ":0.5"), (AdapterArgument{odd, "0.5"}));
  EXPECT_EQ(SplitAt(plain + ":half"), (AdapterArgument{plain, "half"}));
}

TEST(AdapterArgumentTest, DorasNormsHaveNames) {
  EXPECT_EQ(DoraNormNamed(kDoraNormBase), DoraNorm::kBase);
  EXPECT_EQ(DoraNormNamed(kDoraNormChanged), DoraNorm::kChanged);
}

}  // namespace
}  // namespace draftp
