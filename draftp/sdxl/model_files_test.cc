#include "draftp/sdxl/model_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "draftp/io/test_files.h"

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

}  // namespace
}  // namespace draftp
