#include "draftp/adapter/lora_writer.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

const std::string kGolden = "testdata/goldens/lora_file.safetensors";

LoraLayer Layer(int64_t rank, double alpha) {
  return {.a = at::ones({rank, 6}), .b = at::ones({5, rank}), .scale = alpha / rank};
}

LoraAdapter Adapter(std::map<std::string, LoraLayer> layers) {
  return {.source = "step", .layers = std::move(layers)};
}

std::string Config(std::map<std::string, LoraLayer> layers, std::vector<std::string> targets = {}) {
  return LoraConfigJson(Adapter(std::move(layers)), std::move(targets)).value();
}

std::shared_ptr<const SafetensorsFile> Open(const std::string& path) {
  return SafetensorsFile::Open(path).value();
}

// Mixed ranks and alphas, as testdata/generate/lora_file.py gave them to peft.
TEST(LoraWriterTest, WritesWhatDiffusersWrites) {
  const TemporaryFolder folder;
  const std::string path = folder / "lora.safetensors";
  const LoraAdapter adapter = ReadLoraFile(kGolden).value();
  ASSERT_TRUE(WriteLoraFile(path, adapter, {"to_q", "to_k", "to_v", "to_out.0", "ff.net.2"}).ok());
  const auto written = Open(path), golden = Open(kGolden);
  EXPECT_EQ(written->metadata(), golden->metadata());
  ASSERT_EQ(written->names(), golden->names());
  for (const std::string& name : golden->names()) {
    EXPECT_TRUE(at::equal(*written->Tensor(name), *golden->Tensor(name))) << name;
  }
}

TEST(LoraWriterTest, ReadingGivesTheAdapterBack) {
  const TemporaryFolder folder;
  const LoraAdapter adapter =
      Adapter({{"mid.to_q", Layer(3, 1)}, {"mid.to_k", Layer(49, 5)}, {"to_q", Layer(7, 0.3)}});
  ASSERT_TRUE(WriteLoraFile(folder / "lora.safetensors", adapter).ok());
  const LoraAdapter read = ReadLoraFile(folder / "lora.safetensors").value();
  ASSERT_EQ(read.layers.size(), 3u);
  for (const auto& [path, layer] : adapter.layers) {
    EXPECT_DOUBLE_EQ(read.layers.at(path).scale, layer.scale) << path;
    EXPECT_TRUE(at::equal(read.layers.at(path).a, layer.a)) << path;
    EXPECT_TRUE(at::equal(read.layers.at(path).b, layer.b)) << path;
  }
}

TEST(LoraWriterTest, FactorsOfAnyDtypeAndWithGradientsAreWrittenInFloat32) {
  const TemporaryFolder folder;
  LoraLayer layer = Layer(2, 2);
  layer.a = layer.a.to(at::kDouble).requires_grad_();
  layer.b = layer.b.to(at::kBFloat16);
  ASSERT_TRUE(WriteLoraFile(folder / "lora.safetensors", Adapter({{"to_q", layer}})).ok());
  const auto file = Open(folder / "lora.safetensors");
  for (const std::string& name : file->names()) {
    EXPECT_EQ(file->Tensor(name)->scalar_type(), at::kFloat) << name;
  }
}

TEST(LoraWriterTest, WhatMostLayersHaveStandsForAll) {
  const std::string config =
      Config({{"a.to_q", Layer(4, 4)}, {"b.to_q", Layer(2, 8)}, {"c.to_q", Layer(2, 8)}});
  EXPECT_THAT(config, HasSubstr("\"unet.r\": 2,\n  \"unet.rank_pattern\": {\n    \"a.to_q\": 4\n"));
  EXPECT_THAT(config, HasSubstr("\"unet.alpha_pattern\": {\n    \"a.to_q\": 4\n"));
  EXPECT_THAT(config, HasSubstr("\"unet.lora_alpha\": 8"));
}

// peft matches the ends of paths, and would give b.to_q the rank of to_q.
TEST(LoraWriterTest, APatternThatEndsAnotherPathIsAnchored) {
  const std::string config =
      Config({{"to_q", Layer(3, 3)}, {"b.to_q", Layer(2, 2)}, {"c.to_q", Layer(2, 2)}});
  EXPECT_THAT(config, HasSubstr("\"^to_q\": 3"));
}

TEST(LoraWriterTest, WithoutTargetsEachLayerIsOne) {
  EXPECT_THAT(Config({{"a.to_q", Layer(2, 2)}, {"b.to_k", Layer(2, 2)}}),
              HasSubstr("\"unet.target_modules\": [\n    \"a.to_q\",\n    \"b.to_k\"\n  ]"));
}

TEST(LoraWriterTest, TargetsThatDoNotFitTheLayersAreNamed) {
  const LoraAdapter adapter = Adapter({{"a.to_q", Layer(2, 2)}, {"b.not_to_k", Layer(2, 2)}});
  EXPECT_THAT(LoraConfigJson(adapter, {"to_q", "to_k"}),
              FailsWith("step: b.not_to_k: is matched by none of target_modules to_k, to_q"));
  EXPECT_THAT(LoraConfigJson(adapter, {"to_q", "not_to_k", "to_v"}),
              FailsWith("target_modules: \"to_v\" matches no layer"));
}

TEST(LoraWriterTest, LayersThatAreNoneAreNamed) {
  const std::string path = "/nowhere/lora.safetensors";
  EXPECT_THAT(WriteLoraFile(path, Adapter({})), FailsWith("step: found no layers"));
  EXPECT_THAT(WriteLoraFile(path, Adapter({{"to_q", {}}})),
              FailsWith("step: to_q: found lora_A nothing"));
  LoraLayer layer = Layer(2, 2);
  layer.b = at::ones({5, 3});
  EXPECT_THAT(WriteLoraFile(path, Adapter({{"to_q", layer}})),
              FailsWith("to_q: found lora_A [2,6], lora_B [5,3]"));
  layer = Layer(2, std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(WriteLoraFile(path, Adapter({{"to_q", layer}})), FailsWith("scale nan"));
}

TEST(LoraWriterTest, AFullDiskLeavesTheFormerFile) {
  const TemporaryFolder folder;
  const std::string path = folder / "lora.safetensors";
  ASSERT_TRUE(WriteLoraFile(path, Adapter({{"to_q", Layer(2, 2)}})).ok());
  const std::string former = testing::Contents(path);
  {
    const testing::ScopedWriteFault full(ENOSPC, 100);
    EXPECT_THAT(WriteLoraFile(path, Adapter({{"to_q", Layer(3, 3)}})), FailsWith(path));
  }
  EXPECT_EQ(testing::Contents(path), former);
  EXPECT_THAT(folder.Names(), ElementsAre("lora.safetensors"));
}

}  // namespace
}  // namespace draftp
