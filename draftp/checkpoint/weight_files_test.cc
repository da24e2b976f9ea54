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

}  // namespace
}  // namespace draftp
