#include "draftp/checkpoint/weight_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::IsEmpty;

constexpr char kTwoShards[] = R"({"weight_map": {"a": "s1.safetensors", "b": "s2.safetensors"}})";

// What they hold is opening's concern.
TEST(WeightFilesTest, FindsFilesWithoutOpeningThem) {
  const testing::TemporaryFolder folder;
  folder.Write("m.safetensors", "no safetensors at all");
  EXPECT_THAT(FindWeightFiles(folder.path(), "m")->All(),
              ::testing::ElementsAre(folder / "m.safetensors"));
  EXPECT_THAT(FindWeightFiles(folder / "absent.safetensors", "m")->All(),
              ::testing::ElementsAre(folder / "absent.safetensors"));
}

TEST(WeightFilesTest, AnIndexStandsBeforeItsShards) {
  const testing::TemporaryFolder folder;
  folder.Write("m.safetensors.index.json", kTwoShards);
  folder.Write("s2.safetensors", "x");
  EXPECT_THAT(FindWeightFiles(folder.path(), "m"),
              testing::FailsWith("found no shard s1.safetensors"));
  folder.Write("s1.safetensors", "x");
  const auto found = FindWeightFiles(folder.path(), "m");
  EXPECT_EQ(found->index, folder / "m.safetensors.index.json");
  EXPECT_EQ(found->shard_of.at("b"), "s2.safetensors");
  EXPECT_THAT(found->All(),
              ::testing::ElementsAre(folder / "m.safetensors.index.json", folder / "s1.safetensors",
                                     folder / "s2.safetensors"));
}

TEST(WeightFilesTest, OneFileHasNoIndex) {
  EXPECT_THAT(FindWeightFiles("testdata/tiny_sdxl/unet", "diffusion_pytorch_model")->index,
              IsEmpty());
}

// Each is taken while nothing that stands before it is there.
TEST(WeightFilesTest, SafetensorsWinAndThenFullPrecision) {
  const testing::TemporaryFolder folder;
  for (const char* name :
       {"pytorch_model.bf16.bin", "pytorch_model.fp16.bin", "pytorch_model.bin",
        "model.bf16.safetensors", "model.fp16.safetensors", "model.safetensors"}) {
    folder.Write(name, "x");
    EXPECT_THAT(FindWeightFiles(folder.path(), "model")->All(),
                ::testing::ElementsAre(folder / name));
  }
}

TEST(WeightFilesTest, OnlyTransformersStemHasAnotherNameInTorchFiles) {
  const testing::TemporaryFolder folder;
  folder.Write("model.bin", "x");
  EXPECT_THAT(FindWeightFiles(folder.path(), "model"),
              testing::FailsWith("found model.bin, expected model.safetensors, pytorch_model.bin"));
  folder.Write("pytorch_lora_weights.bin", "x");
  EXPECT_THAT(FindWeightFiles(folder.path(), "pytorch_lora_weights")->All(),
              ::testing::ElementsAre(folder / "pytorch_lora_weights.bin"));
}

TEST(WeightFilesTest, FindsShardsOfTorchSave) {
  const testing::TemporaryFolder folder;
  folder.Write("s.bin", "x");
  const std::string index =
      folder.Write("pytorch_model.bin.index.fp16.json", R"({"weight_map": {"a": "s.bin"}})");
  EXPECT_THAT(FindWeightFiles(folder.path(), "model")->All(),
              ::testing::ElementsAre(index, folder / "s.bin"));
}

}  // namespace
}  // namespace draftp
