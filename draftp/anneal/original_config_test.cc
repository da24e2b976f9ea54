// The original's configuration (NeMo-Aligner) as settings of an annealing run.
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/anneal/anneal_config.h"
#include "draftp/config/config_load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kNemoTraining =
    std::filesystem::absolute("testdata/config/original_training.yaml");

absl::StatusOr<LoadedConfig<AnnealConfig>> Given(const std::vector<std::string>& arguments) {
  return LoadAnnealConfig(arguments, "/home/me");
}

std::string RefusalOf(const std::vector<std::string>& arguments) {
  const auto loaded = Given(arguments);
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(loaded.status().message());
}

TEST(OriginalConfigTest, MapsTheOriginalsKeysAndNames) {
  const auto loaded =
      Given({"model.sampling.base.sampler=LinearMultistepSampler",
             "model.sampling.base.discretization.target=nemo.x.EDMDiscretization",
             "model.sampling.base.scale=7", "trainer.precision=32", "model.seed=9",
             "weight_type=draft,power_2.5", "+prompt='a circle'",
             "model.unet_config.from_pretrained=m", "model.peft.restore_from_path=l"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config.sampling.sampler, "lms");
  EXPECT_EQ(loaded->config.sampling.discretization, "edm");
  EXPECT_EQ(loaded->config.sampling.guidance_scale, 7);
  EXPECT_EQ(loaded->config.dtype, "float32");
  EXPECT_EQ(loaded->config.seed, 9U);
  EXPECT_THAT(loaded->config.prompt, ElementsAre("a circle"));
  EXPECT_EQ(loaded->config.model, "/home/me/m");
  EXPECT_THAT(loaded->config.lora, ElementsAre("/home/me/l"));
}

TEST(OriginalConfigTest, TakesTheOriginalsTrainingFile) {
  const auto loaded = Given({"--config", kNemoTraining, "--prompt=x"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config.model, "/home/me/sdxl");
  EXPECT_EQ(loaded->config.explicit_log_dir, "/home/me/runs/sdxl");
  EXPECT_EQ(loaded->config.sampling.steps, 40);
  EXPECT_EQ(loaded->config.dtype, "bfloat16");
  EXPECT_EQ(loaded->config.sampling.width, 1024);
  ASSERT_EQ(loaded->notices.size(), 1U);
  EXPECT_THAT(loaded->notices[0], HasSubstr("model.optim.*"));
  EXPECT_EQ(loaded->notices[0].find('\n'), std::string::npos);
}

TEST(OriginalConfigTest, RefusesTheOriginalsKeysWithoutMeaning) {
  for (const char* key : {"model.unet_config.from_NeMo", "model.first_stage_config.from_NeMo",
                          "model.first_stage_config.from_pretrained", "rm.trainer.devices"}) {
    const std::string message = RefusalOf({std::string(key) + "=False"});
    EXPECT_THAT(message, HasSubstr(std::string("found ") + key + ", which has no meaning here; "));
  }
  EXPECT_THAT(RefusalOf({"model.sampling.base.guider=IdentityGuider"}),
              HasSubstr("classifier_free"));
}

TEST(OriginalConfigTest, TakesTheOriginalsGuider) {
  for (const char* key : {"guider", "guider._target_"}) {
    const auto loaded =
        Given({std::string("model.sampling.base.") + key + "=VanillaCFG", "--prompt=x"});
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(loaded->config.sampling.guider, "classifier_free");
  }
}

TEST(OriginalConfigTest, TakesWandbTurnedOff) {
  const auto loaded =
      Given({"exp_manager.create_wandb_logger=False", "exp_manager.wandb_logger_kwargs.project=p",
             "wandb_logger_kwargs.name=n", "--prompt=x"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(RefusalOf({"exp_manager.create_wandb_logger=True"}),
              HasSubstr("found \"True\", expected False or false or FALSE: nothing is sent"));
}

}  // namespace
}  // namespace draftp
