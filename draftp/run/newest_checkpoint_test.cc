#include "draftp/run/newest_checkpoint.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

namespace draftp {
namespace {

namespace fs = std::filesystem;

class NewestCheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::path(::testing::TempDir()) / "newest_checkpoint";
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }
  void Write(const std::string& file, int age_in_seconds) {
    const fs::path path = dir_ / file;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "x";
    fs::last_write_time(path,
                        fs::file_time_type::clock::now() - std::chrono::seconds(age_in_seconds));
  }
  fs::path dir_;
};

TEST_F(NewestCheckpointTest, TakesTheLastWrittenWhateverItsName) {
  Write("checkpoints/step_9/pytorch_lora_weights.safetensors", 10);
  Write("checkpoints/step_10/pytorch_lora_weights.safetensors", 30);
  EXPECT_EQ(NewestCheckpoint(dir_)->lora, (dir_ / "checkpoints/step_9").string());
}

TEST_F(NewestCheckpointTest, AWholeUNetCountsAsTuned) {
  Write("pytorch_lora_weights.safetensors", 30);
  Write("last/unet/diffusion_pytorch_model.safetensors", 10);
  const auto checkpoint = NewestCheckpoint(dir_);
  EXPECT_EQ(checkpoint->tuned, (dir_ / "last").string());
  EXPECT_EQ(checkpoint->lora, "");
}

TEST_F(NewestCheckpointTest, AFolderStillBeingWrittenIsPassedOver) {
  Write("checkpoints/.step_2.tmp/pytorch_lora_weights.safetensors", 0);
  Write("checkpoints/step_1/pytorch_lora_weights.safetensors", 60);
  EXPECT_EQ(NewestCheckpoint(dir_)->lora, (dir_ / "checkpoints/step_1").string());
}

TEST_F(NewestCheckpointTest, NoneIsAnErrorThatNamesTheFolder) {
  EXPECT_NE(std::string(NewestCheckpoint(dir_).status().message())
                .find("newest_checkpoint: no checkpoint found"),
            std::string::npos);
  EXPECT_FALSE(NewestCheckpoint(dir_ / "absent").ok());
}

}  // namespace
}  // namespace draftp
