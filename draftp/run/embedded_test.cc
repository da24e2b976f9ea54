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

TEST(ClipVocabularyDirTest, HoldsTwoTokenizers) {
  const auto dir = ClipVocabularyDir();
  ASSERT_TRUE(dir.ok()) << dir.status();
  for (const char* folder : {"tokenizer/", "tokenizer_2/"}) {
    for (const char* file :
         {"vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"}) {
      EXPECT_TRUE(std::filesystem::exists(*dir + "/" + folder + file)) << folder << file;
    }
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
