#include "draftp/adapter/kohya_writer.h"

#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/file_hash.h"
#include "draftp/io/test_files.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;

const std::vector<std::string> kPaths = {
    "down_blocks.0.resnets.0.conv1", "down_blocks.0.resnets.1.conv1",
    "down_blocks.0.downsamplers.0.conv", "down_blocks.1.resnets.0.conv1",
    "down_blocks.1.attentions.0.proj_in"};

// A linear layer and a convolution of different ranks.
LoraAdapter TwoLayers(int64_t rank_of_conv = 2) {
  LoraAdapter adapter{.source = "test", .layers = {}};
  adapter.layers["down_blocks.1.attentions.0.proj_in"] = {
      .a = at::randn({4, 6}), .b = at::randn({5, 4}), .scale = 0.5};
  adapter.layers["down_blocks.0.resnets.1.conv1"] = {
      .a = at::randn({rank_of_conv, 3, 3, 3}),
      .b = at::randn({7, rank_of_conv, 1, 1}),
      .scale = 2.0 / static_cast<double>(rank_of_conv)};
  return adapter;
}

std::string WrittenInto(const testing::TemporaryFolder& folder, const LoraAdapter& adapter) {
  const std::string path = folder / "kohya.safetensors";
  const absl::Status written = WriteKohyaLora(
      path, adapter, kPaths, {{"ss_output_name", "kohya"}, {"modelspec.title", "A title"}});
  TORCH_CHECK(written.ok(), written.ToString());
  return path;
}

TEST(KohyaWriterTest, TheReaderReadsTheSameAdapter) {
  const testing::TemporaryFolder folder;
  const LoraAdapter adapter = TwoLayers();
  AdapterPaths paths;
  paths[0] = kPaths;
  const auto read = ReadAdapterFile(WrittenInto(folder, adapter), AdapterKeys(std::move(paths)));
  ASSERT_TRUE(read.ok()) << read.status();
  const LoraAdapter again = PlainLora(*read).value();
  ASSERT_EQ(again.layers.size(), adapter.layers.size());
  for (const auto& [path, layer] : adapter.layers) {
    EXPECT_THAT(again.layers.at(path).a, testing::IsCloseTo(layer.a, 0));
    EXPECT_THAT(again.layers.at(path).b, testing::IsCloseTo(layer.b, 0));
    EXPECT_EQ(again.layers.at(path).scale, layer.scale);
  }
}

// Blocks of the original, as kohya's own training names them.
TEST(KohyaWriterTest, KeysAreKohyas) {
  const testing::TemporaryFolder folder;
  const auto file = SafetensorsFile::Open(WrittenInto(folder, TwoLayers())).value();
  EXPECT_THAT(file->names(), ElementsAre("lora_unet_input_blocks_2_0_in_layers_2.alpha",
                                         "lora_unet_input_blocks_2_0_in_layers_2.lora_down.weight",
                                         "lora_unet_input_blocks_2_0_in_layers_2.lora_up.weight",
                                         "lora_unet_input_blocks_4_1_proj_in.alpha",
                                         "lora_unet_input_blocks_4_1_proj_in.lora_down.weight",
                                         "lora_unet_input_blocks_4_1_proj_in.lora_up.weight"));
}

TEST(KohyaWriterTest, MetadataSaysWhatTheTensorsAre) {
  const testing::TemporaryFolder folder;
  auto metadata =
      SafetensorsFile::Open(WrittenInto(folder, TwoLayers()).c_str()).value()->metadata();
  EXPECT_EQ(metadata.at("ss_network_module"), "networks.lora");
  EXPECT_EQ(metadata.at("ss_network_dim"), "Dynamic");
  EXPECT_EQ(metadata.at("ss_network_alpha"), "2");
  EXPECT_EQ(metadata.at("ss_output_name"), "kohya");
  EXPECT_EQ(metadata.at("modelspec.title"), "A title");
  metadata = SafetensorsFile::Open(WrittenInto(folder, TwoLayers(4)).c_str()).value()->metadata();
  EXPECT_EQ(metadata.at("ss_network_dim"), "4");
}

// A1111 and Forge hash what stands behind the header, whatever the metadata.
TEST(KohyaWriterTest, ModelHashIsOfTheDataBehindTheHeader) {
  const testing::TemporaryFolder folder;
  const std::string path = WrittenInto(folder, TwoLayers());
  const std::string bytes = testing::Contents(path);
  uint64_t header = 0;
  for (int i = 7; i >= 0; --i) header = header << 8 | static_cast<unsigned char>(bytes[i]);
  const auto metadata = SafetensorsFile::Open(path).value()->metadata();
  const std::string hash = Sha256OfText(bytes.substr(8 + header));
  EXPECT_EQ(metadata.at("sshs_model_hash"), hash);
  EXPECT_EQ(metadata.at("modelspec.hash_sha256"), "0x" + hash);
  EXPECT_EQ(metadata.at("sshs_legacy_hash"), Sha256OfText("").substr(0, 8));  // a short file
}

}  // namespace
}  // namespace draftp
