// Tests of the example of docs/add_a_reward.md, and that the page shows this very code.
#include "draftp/reward/sharpness_example.h"

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "draftp/io/test_files.h"
#include "draftp/reward/reward_conformance.h"
#include "draftp/reward/reward_kinds.h"
#include "draftp/testing/doc_examples.h"

namespace draftp::testing {
namespace {

struct SharpnessExamples {
  static std::vector<SharpnessReward> All() { return {SharpnessReward(1), SharpnessReward(3)}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Sharpness, RewardConformance, SharpnessExamples);

TEST(SharpnessRewardTest, IsTheMeanSquareOfDifferences) {
  const at::Tensor row = at::tensor({0.0, 51.0, 51.0, 153.0}, at::kDouble);
  const at::Tensor images = row.expand({1, 3, 2, 4});
  const std::vector<std::string> caption = {"stripes"};
  EXPECT_NEAR(SharpnessReward(1)(images, caption).item<double>(), (0.04 + 0 + 0.16) / 3, 1e-15);
  EXPECT_NEAR(SharpnessReward(3)(images, caption).item<double>(), 0.36, 1e-15);
}

constexpr RewardKind kMembers[] = {
    {"sharpness", FromJson<SharpnessReward>},
};
constexpr RewardKinds kKinds(kMembers);

TEST(SharpnessRewardTest, IsLoadedByItsLineInTheTable) {
  const TemporaryFolder folder;
  folder.Write("draftp_reward.json", R"({"kind": "sharpness", "distance": 2})");
  const auto reward = LoadReward(folder.path(), {}, kKinds);
  ASSERT_TRUE(reward.ok()) << reward.status();
  EXPECT_EQ(reward->name(), "Sharpness2");
  folder.Write("draftp_reward.json", R"({"kind": "sharpness", "distance": 0})");
  EXPECT_THAT(LoadReward(folder.path(), {}, kKinds), FailsWith("key \"distance\": found 0"));
}

TEST(AddARewardPage, ShowsCodeThatThisTestCompiles) {
  EXPECT_EQ(
      CountCompiledBlocks("docs/add_a_reward.md", {"draftp/reward/sharpness_example.h",
                                                   "draftp/reward/sharpness_example_test.cc"}),
      3);
}

TEST(AddARewardPage, ListsEveryKind) {
  const std::string page = DocText("docs/add_a_reward.md");
  for (const RewardKind& kind : kRewardKinds) {
    EXPECT_NE(page.find("`" + std::string(kind.name) + "`"), std::string::npos) << kind.name;
  }
}

}  // namespace
}  // namespace draftp::testing
