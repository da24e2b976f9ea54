#include "draftp/model/unet_writer.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/test_files.h"
#include "draftp/model/pack_weights.h"
#include "draftp/model/unet_fixture.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string ConfigOf(const std::string& name) {
  return Contents("testdata/configs/unet_" + name + "/config.json");
}

std::map<std::string, at::Tensor> TensorsOf(const UNet& unet) {
  std::map<std::string, at::Tensor> tensors;
  VisitWeights(unet, [&tensors](const std::string& name, const auto& layer) {
    tensors[name + ".weight"] = layer.weight;
    if (layer.bias.defined()) tensors[name + ".bias"] = layer.bias;
  });
  return tensors;
}

void ExpectSameWeights(const UNet& a, const UNet& b) {
  const auto found = TensorsOf(a), expected = TensorsOf(b);
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    EXPECT_THAT(found.at(name), IsEqualTo(tensor)) << name;
  }
}

// Projections as 1x1 convolutions among them.
TEST(UNetWriterTest, LoadingGivesTheSameBits) {
  for (const std::string name : {"conv_projection", "training", "v_prediction"}) {
    const TemporaryFolder folder;
    const UNet unet = SmallUNet(name, at::kFloat);
    ASSERT_TRUE(WriteUNet(folder / "unet", unet, ConfigOf(name), at::kFloat).ok()) << name;
    ExpectSameWeights(Value(UNet::Load(folder / "unet", OnCpu(at::kFloat))), unet);
    EXPECT_EQ(Contents(folder / "unet/config.json"), ConfigOf(name));
  }
}

TEST(UNetWriterTest, NamesAndShapesAreThoseOfTheFileThatWasRead) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteUNet(folder / "unet", TinyUNet(at::kHalf),
                        Contents(std::string(kTinyUNet) + "/config.json"), at::kHalf)
                  .ok());
  const std::string file = "/diffusion_pytorch_model.safetensors";
  const auto written = Value(SafetensorsFile::Open(folder / "unet" + file));
  const auto original = Value(SafetensorsFile::Open(kTinyUNet + file));
  ASSERT_EQ(written->names(), original->names());
  for (const std::string& name : original->names()) {
    EXPECT_THAT(*written->Tensor(name), IsEqualTo(*original->Tensor(name))) << name;
  }
}

TEST(UNetWriterTest, TrainedWeightsAreWrittenInTheDtypeAskedFor) {
  const TemporaryFolder folder;
  UNet unet = SmallUNet("training", at::kFloat);
  unet.conv_in.weight.requires_grad_();
  ASSERT_TRUE(WriteUNet(folder / "unet", unet, ConfigOf("training"), at::kBFloat16).ok());
  const UNet read = Value(UNet::Load(folder / "unet", OnCpu(at::kBFloat16)));
  EXPECT_THAT(read.conv_in.weight, IsEqualTo(unet.conv_in.weight.detach().to(at::kBFloat16)));
}

TEST(UNetWriterTest, AnEarlierUNetIsReplaced) {
  const TemporaryFolder folder;
  for (const std::string name : {"deep", "training", "training"}) {
    const UNet unet = SmallUNet(name, at::kFloat);
    ASSERT_TRUE(WriteUNet(folder / "unet", unet, ConfigOf(name), at::kFloat).ok()) << name;
    ExpectSameWeights(Value(UNet::Load(folder / "unet", OnCpu(at::kFloat))), unet);
  }
}

TEST(UNetWriterTest, AFullDiskLeavesNothingNew) {
  const TemporaryFolder folder;
  const UNet unet = SmallUNet("training", at::kFloat);
  const ScopedWriteFault full(ENOSPC, 1000);
  EXPECT_THAT(WriteUNet(folder / "unet", unet, ConfigOf("training"), at::kFloat),
              FailsWith(folder / "unet"));
  EXPECT_THAT(folder.Names(), IsEmpty());
}

// The weights fit on the disk, config.json doesn't.
TEST(UNetWriterTest, WeightsWithoutTheirConfigAreRemoved) {
  const TemporaryFolder folder;
  const UNet unet = SmallUNet("training", at::kFloat);
  ASSERT_TRUE(WriteUNet(folder / "unet", unet, ConfigOf("training"), at::kFloat).ok());
  const auto size = std::filesystem::file_size(folder / "unet/diffusion_pytorch_model.safetensors");
  const ScopedWriteFault full(ENOSPC, static_cast<int64_t>(size) + 10);
  EXPECT_THAT(WriteUNet(folder / "other", unet, ConfigOf("training"), at::kFloat),
              FailsWith("config.json"));
  EXPECT_THAT(folder.Names(), ElementsAre("unet"));
}

TEST(UNetWriterTest, AFullDiskLeavesTheEarlierUNetOfTheSameConfig) {
  const TemporaryFolder folder;
  const UNet unet = SmallUNet("training", at::kFloat);
  ASSERT_TRUE(WriteUNet(folder / "unet", unet, ConfigOf("training"), at::kFloat).ok());
  UNet other = unet;
  other.conv_in.weight = 2 * unet.conv_in.weight;
  {
    const ScopedWriteFault full(ENOSPC, 1000);
    EXPECT_THAT(WriteUNet(folder / "unet", other, ConfigOf("training"), at::kFloat),
                FailsWith(folder / "unet"));
  }
  ExpectSameWeights(Value(UNet::Load(folder / "unet", OnCpu(at::kFloat))), unet);
}

TEST(UNetWriterTest, ConfigOfAnotherUNetIsRefused) {
  const TemporaryFolder folder;
  const UNet unet = SmallUNet("training", at::kFloat);
  EXPECT_THAT(WriteUNet(folder / "unet", unet, ConfigOf("deep"), at::kFloat),
              FailsWith("config.json: add_embedding.linear_1.bias: found [32] in the UNet"));
  EXPECT_THAT(WriteUNet(folder / "unet", unet, "{", at::kFloat), FailsWith("config.json"));
  EXPECT_THAT(folder.Names(), IsEmpty());
}

TEST(UNetWriterTest, PackedWeightsAreRefused) {
  const TemporaryFolder folder;
  UNet unet = SmallUNet("training", at::kFloat);
  VisitWeights(unet, PackWeights());
  EXPECT_THAT(WriteUNet(folder / "unet", unet, ConfigOf("training"), at::kFloat),
              FailsWith("found nothing in the UNet"));
}

TEST(UNetWriterTest, AFolderThatCannotBeMadeIsNamed) {
  const UNet unet = SmallUNet("training", at::kFloat);
  EXPECT_THAT(WriteUNet("/nowhere/unet", unet, ConfigOf("training"), at::kFloat),
              FailsWith("/nowhere/unet: can't write"));
}

}  // namespace
}  // namespace draftp::testing
