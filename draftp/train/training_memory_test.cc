#include "draftp/train/training_memory.h"

#include <gtest/gtest.h>

#include <string>

namespace draftp {
namespace {

// Flags that are there already aren't named.
TEST(WhatTrainsInLessTest, NamesWhatTheRunHasNotDoneYet) {
  TrainConfig config;
  EXPECT_EQ(WhatTrainsInLess(config, 1),
            "less take: --memory balanced, --activation_checkpointing, a smaller --height and "
            "--width; --dry_run says how much");
  config.memory = "balanced";
  config.activation_checkpointing = true;
  EXPECT_EQ(WhatTrainsInLess(config, 1),
            "less take: a smaller --height and --width; --dry_run says how much");
  config.micro_batch_size = 4;
  config.truncation_steps = 2;
  config.peft_scheme = "none";
  EXPECT_EQ(WhatTrainsInLess(config, 2),
            "less take: --micro_batch_size 1, --truncation_steps 1, --sharding fully_sharded, "
            "--peft_scheme lora, a smaller --height and --width; --dry_run says how much");
  config.sharding = "fully_sharded";
  EXPECT_EQ(WhatTrainsInLess(config, 2),
            "less take: --micro_batch_size 1, --truncation_steps 1, --shard_frozen, --peft_scheme "
            "lora, a smaller --height and --width; --dry_run says how much");
}

TEST(WhatTrainsInLessTest, OfTheWholeUNetByARankOfZeroItNamesTheRank) {
  TrainConfig config;
  config.lora_rank = 0;
  EXPECT_EQ(WhatTrainsInLess(config, 1),
            "less take: --memory balanced, --activation_checkpointing, a --lora_rank above 0, a "
            "smaller --height and --width; --dry_run says how much");
}

}  // namespace
}  // namespace draftp
