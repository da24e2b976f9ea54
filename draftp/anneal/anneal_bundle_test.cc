#include "draftp/anneal/anneal_bundle.h"

#include <unistd.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

AnnealConfig ConfigWith(const std::function<void(AnnealConfig&)>& change) {
  AnnealConfig config;
  change(config);
  return config;
}

std::string BundleError(const AnnealConfig& config, const std::string& embedded = "/embedded") {
  const auto resolved = ResolveBundle(config, embedded);
  EXPECT_EQ(resolved.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(resolved.status().message());
}

TEST(AnnealBundleTest, PromptsOfAPipeStandInTheResolvedConfig) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  constexpr char kText[] = "a circle, red\na star\nthird\n";
  ASSERT_EQ(write(ends[1], kText, sizeof kText - 1), static_cast<ssize_t>(sizeof kText - 1));
  close(ends[1]);
  const auto resolved = ResolveBundle(ConfigWith([&](auto& c) {
                                        c.prompts = {"/dev/fd/" + std::to_string(ends[0])};
                                        c.max_prompts = 2;
                                      }),
                                      "/embedded");
  close(ends[0]);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_THAT(resolved->prompt, ElementsAre("a circle, red", "a star"));
  EXPECT_THAT(resolved->prompts, ::testing::IsEmpty());
  EXPECT_EQ(resolved->max_prompts, 0);
}

TEST(AnnealBundleTest, TheBundleIsModelLoraAndEightPrompts) {
  const auto resolved = ResolveBundle({}, "/embedded");
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(resolved->model, "/embedded");
  EXPECT_THAT(resolved->lora, ElementsAre("/embedded/lora"));
  EXPECT_THAT(resolved->prompts, ElementsAre("/embedded/prompts/validation.txt"));
  EXPECT_EQ(resolved->max_prompts, 8);
  EXPECT_EQ(resolved->weight_type.size(), 6U);
}

TEST(AnnealBundleTest, TheBundleGivesWayToWhatIsSaid) {
  const auto lora = ResolveBundle(ConfigWith([](auto& c) { c.lora = {"/l"}; }), "/embedded");
  EXPECT_EQ(lora->model, "/embedded");
  EXPECT_THAT(lora->lora, ElementsAre("/l"));
  EXPECT_EQ(lora->max_prompts, 8);
  const auto tuned = ResolveBundle(ConfigWith([](auto& c) { c.tuned = "/t"; }), "/embedded");
  EXPECT_THAT(tuned->lora, ElementsAre());
  const auto run =
      ResolveBundle(ConfigWith([](auto& c) { c.explicit_log_dir = "/r"; }), "/embedded");
  EXPECT_THAT(run->lora, ElementsAre());
  const auto prompt = ResolveBundle(ConfigWith([](auto& c) { c.prompt = {"p"}; }), "/embedded");
  EXPECT_THAT(prompt->prompts, ::testing::IsEmpty());
  EXPECT_THAT(prompt->lora, ElementsAre("/embedded/lora"));
  const auto file = ResolveBundle(ConfigWith([](auto& c) { c.prompts = {"/f"}; }), "/embedded");
  EXPECT_THAT(file->prompts, ElementsAre("/f"));
  EXPECT_EQ(file->max_prompts, 0);
}

TEST(AnnealBundleTest, AGivenModelHasNothingOfTheBundle) {
  const AnnealConfig config = ConfigWith([](AnnealConfig& c) {
    c.model = "/m";
    c.tuned = "/t";
    c.prompt = {"p"};
  });
  const auto resolved = ResolveBundle(config, "/embedded");
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(*resolved, config);
}

TEST(AnnealBundleTest, AGivenModelNeedsAnAdapterForEveryTypeButBase) {
  AnnealConfig config = ConfigWith([](AnnealConfig& c) {
    c.model = "/m";
    c.prompt = {"p"};
  });
  EXPECT_EQ(
      BundleError(config),
      "--weight_type: found \"draft\" without a fine-tuned model, expected --lora, --tuned or "
      "--explicit_log_dir beside --model, or --weight_type base");
  config.weight_type = {"base"};
  EXPECT_TRUE(ResolveBundle(config, "").ok());
  config.prompt = {};
  EXPECT_EQ(BundleError(config),
            "--prompt: found none, expected --prompt or --prompts beside --model");
}

TEST(AnnealBundleTest, NoModelAtAllIsAnError) {
  EXPECT_EQ(BundleError({}, ""), "--model: found none, and no embedded model, expected a folder");
  EXPECT_THAT(BundleError(ConfigWith([](auto& c) { c.sampling.steps = 0; })), HasSubstr("--steps"));
}

}  // namespace
}  // namespace draftp
