#include "draftp/sdxl/model_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "draftp/io/test_files.h"
#include "draftp/sdxl/model_source.h"

namespace draftp {
namespace {

using ::testing::Contains;
using testing::TemporaryFolder;

constexpr char kModelFolder[] = "testdata/tiny_sdxl";

std::vector<std::string> Roles(const std::vector<InputFile>& files) {
  std::vector<std::string> roles;
  for (const InputFile& file : files) roles.push_back(file.role);
  return roles;
}

TEST(InputFiles, OfAModelAreItsWeightsConfigsAndVocabularies) {
  const std::vector<std::string> roles = Roles(ModelFiles(kModelFolder));
  for (const char* role : {"model/unet/diffusion_pytorch_model.safetensors",
                           "model/text_encoder_2/model.safetensors", "model/vae/config.json",
                           "model/tokenizer/merges.txt", "model/scheduler/scheduler_config.json"}) {
    EXPECT_THAT(roles, Contains(role));
  }
}

TEST(InputFiles, OfAModelAreItsTokenizersInEveryForm) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "tokenizer_2");
  folder.Write("tokenizer_2/tokenizer.json", "{}");
  folder.Write("tokenizer_2/added_tokens.json", "{}");
  EXPECT_THAT(Roles(ModelFiles(folder.path())),
              ::testing::ElementsAre("model/tokenizer_2/tokenizer.json",
                                     "model/tokenizer_2/added_tokens.json"));
}

TEST(InputFiles, OfALoraHasOneRoleWhateverTheFileIsCalled) {
  const TemporaryFolder folder;
  const std::string lora = std::string(kModelFolder) + "/lora/pytorch_lora_weights.safetensors";
  std::filesystem::copy(lora, folder / "mine.safetensors");
  EXPECT_EQ(Roles(LoraFiles(std::string(kModelFolder) + "/lora")),
            Roles(LoraFiles(folder / "mine.safetensors")));
}

TEST(InputFiles, OfARewardAreWhatItIsLoadedFrom) {
  const TemporaryFolder folder;
  folder.Write("HPS_v2.1.pt", "x");
  const std::string file = folder.Write("other.pt", "x");
  folder.Write("vocab.json", "{}");
  EXPECT_EQ(Roles(RewardFiles(file, "reward 1")),
            (std::vector<std::string>{"reward 1/other.pt", "reward 1/vocab.json"}));
  EXPECT_THAT(Roles(RewardFiles(folder.path(), "reward 1")), Contains("reward 1/HPS_v2.1.pt"));
  folder.Write("pytorch_model.bin", "x");
  EXPECT_EQ(Roles(RewardFiles(folder.path(), "reward 1")),
            (std::vector<std::string>{"reward 1/pytorch_model.bin", "reward 1/vocab.json"}));
  folder.Write("model.safetensors", "x");
  EXPECT_EQ(Roles(RewardFiles(folder.path(), "reward 1")),
            (std::vector<std::string>{"reward 1/model.safetensors", "reward 1/vocab.json"}));
}

TEST(InputFiles, WeightsOfTorchSaveCountWhereTheyAreRead) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "unet");
  folder.Write("unet/diffusion_pytorch_model.fp16.bin", "x");
  EXPECT_THAT(Roles(ModelFiles(folder.path())),
              Contains("model/unet/diffusion_pytorch_model.fp16.bin"));
  folder.Write("pytorch_lora_weights.bin", "x");
  EXPECT_EQ(Roles(LoraFiles(folder.path())), std::vector<std::string>{"fine-tuned/lora"});
}

}  // namespace
}  // namespace draftp
