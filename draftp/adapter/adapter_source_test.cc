#include "draftp/adapter/adapter_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(AdapterSourceTest, AFolderIsDiffusersThenPeftsThenItsOneFile) {
  const testing::TemporaryFolder folder;
  const std::string pickled = folder.Write("my lora.pt", "");
  EXPECT_THAT(FindAdapter(folder.path())->weights.files, ElementsAre(pickled));
  const std::string any = folder.Write("my lora.safetensors", "");
  EXPECT_THAT(FindAdapter(folder.path())->weights.files, ElementsAre(any));
  folder.Write("adapter_config.json", "{}");
  EXPECT_EQ(FindAdapter(folder.path())->config, "");
  const std::string peft = folder.Write("adapter_model.safetensors", "");
  EXPECT_THAT(FindAdapter(folder.path())->weights.files, ElementsAre(peft));
  EXPECT_EQ(FindAdapter(folder.path())->config, folder / "adapter_config.json");
  const std::string diffusers = folder.Write("pytorch_lora_weights.safetensors", "");
  EXPECT_THAT(FindAdapter(folder.path())->weights.files, ElementsAre(diffusers));
  EXPECT_EQ(FindAdapter(folder.path())->config, "");
}

TEST(AdapterSourceTest, PeftsFileHasItsConfigBesideIt) {
  const testing::TemporaryFolder folder;
  const std::string peft = folder.Write("adapter_model.safetensors", "");
  EXPECT_EQ(FindAdapter(peft)->config, "");
  folder.Write("adapter_config.json", "{}");
  EXPECT_EQ(FindAdapter(peft)->config, folder / "adapter_config.json");
}

TEST(AdapterSourceTest, SeveralFilesOrNoneAreNamed) {
  const testing::TemporaryFolder folder;
  EXPECT_THAT(FindAdapter(folder.path()), testing::FailsWith(folder.path()));
  folder.Write("a.safetensors", "");
  folder.Write("b.safetensors", "");
  EXPECT_THAT(FindAdapter(folder.path()), testing::FailsWith("found a.safetensors, b.safetensors"));
}

}  // namespace
}  // namespace draftp
