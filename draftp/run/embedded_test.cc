#include "draftp/run/embedded.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace draftp {
namespace {

TEST(EmbeddedModelDirTest, HoldsAWholeModel) {
  const auto dir = EmbeddedModelDir();
  ASSERT_TRUE(dir.ok()) << dir.status();
  for (const char* part :
       {"unet/config.json", "vae/config.json", "text_encoder/config.json",
        "text_encoder_2/config.json", "tokenizer/vocab.json", "scheduler/scheduler_config.json",
        "prompts/validation.txt", "lora/pytorch_lora_weights.safetensors"}) {
    EXPECT_TRUE(std::filesystem::exists(*dir + "/" + part)) << part;
  }
}

TEST(EmbeddedPath, GoesThereAndBack) {
  for (const auto& [name, path] :
       {std::pair<std::string, std::string>{"embedded", "/e"}, {"embedded:lora", "/e/lora"}}) {
    EXPECT_EQ(ExpandEmbedded(name, "/e"), path);
    EXPECT_EQ(CollapseEmbedded(path, "/e"), name);
  }
  for (const char* other : {"", "/embedded", "/eleven", "embedded2"}) {
    EXPECT_EQ(ExpandEmbedded(other, "/e"), other);
    EXPECT_EQ(CollapseEmbedded(other, "/e"), other);
  }
}

}  // namespace
}  // namespace draftp
