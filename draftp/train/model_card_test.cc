#include "draftp/train/model_card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TrainConfig CardConfig() {
  TrainConfig config;
  config.model = "/cache/models--stabilityai--stable-diffusion-xl-base-1.0/snapshots/abc";
  config.reward = {"/rewards/pickscore:0.5"};
  config.output_dir = "/runs/foxes/";
  return config;
}

const RunStatus kEnded = {.step = 600, .max_steps = 600, .trained = "LoRA of rank 8 on 136 layers"};

TEST(ModelCardTest, SaysWhatTheHubReads) {
  const std::string card = ModelCard(CardConfig(), kEnded, "validation/step_00000600.png");
  EXPECT_THAT(card, StartsWith("---\nlibrary_name: diffusers\n"
                               "base_model: \"stabilityai/stable-diffusion-xl-base-1.0\"\n"));
  EXPECT_THAT(card, AllOf(HasSubstr("- lora\n- template:sd-lora\n"), HasSubstr("# foxes\n"),
                          HasSubstr("    url: validation/step_00000600.png\n---\n"),
                          HasSubstr("<Gallery />"), HasSubstr("](validation/step_00000600.png)"),
                          HasSubstr("LoRA of rank 8 on 136 layers"), HasSubstr("pickscore"),
                          HasSubstr("finished: 600 steps"), HasSubstr("kohya_lora.safetensors")));
}

TEST(ModelCardTest, WhatIsNotKnownIsNotSaid) {
  TrainConfig config = CardConfig();
  config.model = "/models/sdxl";
  const std::string card = ModelCard(config, kEnded, "");
  EXPECT_THAT(card, AllOf(Not(HasSubstr("base_model")), Not(HasSubstr("license")),
                          Not(HasSubstr("widget")), Not(HasSubstr("Gallery"))));
  config.lora_rank = 0;
  EXPECT_THAT(ModelCard(config, kEnded, ""), AllOf(HasSubstr("`unet/`"), Not(HasSubstr("lora"))));
}

TEST(ModelCardTest, SomebodysOwnCardStays) {
  const testing::TemporaryFolder folder;
  TrainConfig config = CardConfig();
  config.output_dir = folder.path();
  ASSERT_TRUE(WriteModelCard(config, kEnded, "").ok());
  ASSERT_TRUE(WriteModelCard(config, {.step = 1, .max_steps = 2}, "").ok());
  EXPECT_THAT(testing::Contents(folder / "README.md"), HasSubstr("step 1 of 2"));
  folder.Write("README.md", "mine");
  ASSERT_TRUE(WriteModelCard(config, kEnded, "").ok());
  EXPECT_EQ(testing::Contents(folder / "README.md"), "mine");
}

}  // namespace
}  // namespace draftp
