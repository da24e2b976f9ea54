#include "draftp/adapter/lora_file.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/test_torch_files.h"
#include "draftp/io/test_files.h"
#include "draftp/testing/corruption.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Tensors = std::map<std::string, at::Tensor>;

const std::string kLayer = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q";

Tensors Pair(const std::string& path = "unet." + kLayer, int64_t rank = 4) {
  return {{path + ".lora_A.weight", at::ones({rank, 6})},
          {path + ".lora_B.weight", at::ones({5, rank})}};
}

absl::StatusOr<LoraAdapter> Read(Tensors tensors) {
  return ReadLora(WeightMap::FromTensors(std::move(tensors), "lora.safetensors"));
}

// Through a file, since metadata lie there.
absl::StatusOr<LoraAdapter> ReadWith(const std::string& metadata, const Tensors& tensors) {
  const std::string path = ::testing::TempDir() + "/lora_file_test.safetensors";
  const absl::Status written =
      WriteSafetensors(path, tensors, {{"lora_adapter_metadata", metadata}});
  return written.ok() ? ReadLoraFile(path) : written;
}

std::string ErrorOf(Tensors tensors) {
  const std::string message = Read(std::move(tensors)).status().ToString();
  EXPECT_THAT(message, HasSubstr("lora.safetensors"));
  EXPECT_THAT(message, Not(HasSubstr("\n")));
  return message;
}

TEST(LoraFileTest, ReadsTheEmbeddedAdapter) {
  const auto adapter = ReadLoraFile("testdata/tiny_sdxl/lora");
  ASSERT_TRUE(adapter.ok()) << adapter.status();
  EXPECT_EQ(adapter->layers.size(), 136u);
  for (const auto& [path, layer] : adapter->layers) {
    EXPECT_EQ(layer.rank(), 8) << path;
    EXPECT_EQ(layer.scale, 1.0) << path;
  }
}

TEST(LoraFileTest, ReadsFilesOfTorchSave) {
  const testing::TemporaryFolder folder;
  folder.Write("pytorch_lora_weights.bin", testing::TorchStateDict(Pair()));
  const auto adapter = ReadLoraFile(folder.path());
  ASSERT_TRUE(adapter.ok()) << adapter.status();
  EXPECT_EQ(adapter->layers.at(kLayer).rank(), 4);
}

// Ranks and alphas as testdata/generate/unet.py gave them to peft.
TEST(LoraFileTest, ReadsMixedRanksAndAlphasThatDiffusersWrote) {
  const auto adapter = ReadLoraFile("testdata/goldens/unet_lora.safetensors");
  ASSERT_TRUE(adapter.ok()) << adapter.status();
  const std::string down = "down_blocks.1.attentions.0.transformer_blocks.0.",
                    mid = "mid_block.attentions.0.transformer_blocks.0.";
  EXPECT_EQ(adapter->layers.at(down + "attn1.to_q").rank(), 4);
  EXPECT_DOUBLE_EQ(adapter->layers.at(down + "attn1.to_q").scale, 3.0 / 4);
  EXPECT_DOUBLE_EQ(adapter->layers.at(down + "attn1.to_v").scale, 5.0 / 2);
  EXPECT_DOUBLE_EQ(adapter->layers.at(down + "attn1.to_k").scale, 3.0 / 1);
  EXPECT_DOUBLE_EQ(adapter->layers.at(mid + "attn2.to_k").scale, 0.5 / 1);
  EXPECT_DOUBLE_EQ(adapter->layers.at(mid + "ff.net.0.proj").scale, 1.0 / 2);
  EXPECT_DOUBLE_EQ(adapter->layers.at(mid + "ff.net.2").scale, 3.0 / 3);
}

TEST(LoraFileTest, AlphaIsTheRankWhereNothingIsSaid) {
  auto tensors = Pair();
  tensors.merge(Pair("unet.conv_in", 2));
  const auto adapter = Read(tensors);
  ASSERT_TRUE(adapter.ok()) << adapter.status();
  EXPECT_EQ(adapter->layers.at(kLayer).scale, 1.0);
  EXPECT_EQ(adapter->layers.at("conv_in").scale, 1.0);
}

TEST(LoraFileTest, AlphaKeyOfALayerCounts) {
  auto tensors = Pair();
  tensors["unet." + kLayer + ".alpha"] = at::full({}, 2.0);
  EXPECT_DOUBLE_EQ(Read(tensors)->layers.at(kLayer).scale, 0.5);
}

TEST(LoraFileTest, RankStabilisedScaleDividesByTheRoot) {
  const auto adapter = ReadWith(R"({"unet.lora_alpha": 8, "unet.use_rslora": true})", Pair());
  ASSERT_TRUE(adapter.ok()) << adapter.status();
  EXPECT_DOUBLE_EQ(adapter->layers.at(kLayer).scale, 8.0 / 2);
}

TEST(LoraFileTest, ReadsOlderSpellings) {
  const std::string attention = "unet.mid_block.attentions.0.transformer_blocks.0.attn1";
  const auto adapter = Read({{attention + ".processor.to_out_lora.down.weight", at::ones({2, 6})},
                             {attention + ".processor.to_out_lora.up.weight", at::ones({5, 2})},
                             {attention + ".to_q.lora.down.weight", at::ones({3, 6})},
                             {attention + ".to_q.lora.up.weight", at::ones({5, 3})}});
  ASSERT_TRUE(adapter.ok()) << adapter.status();
  EXPECT_EQ(adapter->layers.at(kLayer).rank(), 3);
  EXPECT_EQ(adapter->layers.at("mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0").rank(),
            2);
}

TEST(LoraFileTest, PrefixMayBeLeftOut) { EXPECT_TRUE(Read(Pair(kLayer))->layers.contains(kLayer)); }

TEST(LoraFileTest, HalfAPairIsNamed) {
  auto tensors = Pair();
  tensors.erase("unet." + kLayer + ".lora_B.weight");
  EXPECT_THAT(ErrorOf(tensors), HasSubstr(kLayer + ".lora_A.weight: comes without lora_B"));
  EXPECT_THAT(ErrorOf({{"unet." + kLayer + ".alpha", at::full({}, 2.0)}}),
              HasSubstr(kLayer + ".alpha: comes without"));
}

TEST(LoraFileTest, KeysOfAnotherKindAreNamed) {
  for (const std::string key :
       {"unet.x.to_q.lora_magnitude_vector", "unet.x.to_q.lora_B.bias", "unet.lora_A.weight",
        "lora_unet_mid_block_to_q.lora_down.weight", "unet..lora_A.weight_"}) {
    auto tensors = Pair();
    tensors[key] = at::ones({4});
    EXPECT_THAT(ErrorOf(tensors), HasSubstr(key));
  }
}

TEST(LoraFileTest, AdaptersOfTextEncodersAreNamed) {
  auto tensors = Pair();
  tensors.merge(Pair("text_encoder_2.text_model.encoder.layers.0.self_attn.q_proj"));
  EXPECT_THAT(ErrorOf(tensors), HasSubstr("text_encoder_2.text_model"));
}

TEST(LoraFileTest, FactorsThatDoNotGoTogetherAreNamed) {
  auto tensors = Pair();
  tensors["unet." + kLayer + ".lora_B.weight"] = at::ones({5, 3});
  EXPECT_THAT(ErrorOf(tensors),
              HasSubstr(kLayer + ".lora_B.weight: is [5,3] beside a lora_A of [4,6]"));
  tensors["unet." + kLayer + ".lora_B.weight"] = at::ones({4});
  EXPECT_THAT(ErrorOf(tensors), HasSubstr(kLayer));
}

TEST(LoraFileTest, SaysWhenAKeyIsThereTwice) {
  auto tensors = Pair();
  tensors["unet." + kLayer + ".lora.down.weight"] = at::ones({4, 6});
  EXPECT_THAT(ErrorOf(tensors), HasSubstr("says again"));
}

TEST(LoraFileTest, RankOtherThanTheMetadatasIsNamed) {
  const std::string message = ReadWith(R"({"unet.r": 8})", Pair()).status().ToString();
  EXPECT_THAT(message,
              HasSubstr(kLayer + ".lora_A.weight: has rank 4, lora_adapter_metadata says 8"));
}

TEST(LoraFileTest, AlphaSaidTwiceOrNotANumberIsNamed) {
  auto tensors = Pair();
  tensors["unet." + kLayer + ".alpha"] = at::full({}, 2.0);
  EXPECT_THAT(ReadWith(R"({"unet.lora_alpha": 8})", tensors).status().ToString(),
              HasSubstr(kLayer + ".alpha"));
  tensors["unet." + kLayer + ".alpha"] = at::full({}, std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(ErrorOf(tensors), HasSubstr(kLayer + ".alpha: is nan"));
  tensors["unet." + kLayer + ".alpha"] = at::full({2}, 2.0);
  EXPECT_THAT(ErrorOf(tensors), HasSubstr(kLayer + ".alpha\": found 2 values"));
}

TEST(LoraFileTest, EmptyAndAbsentFilesAreNamed) {
  EXPECT_THAT(ErrorOf({}), HasSubstr("holds no tensors"));
  EXPECT_THAT(ReadLoraFile("testdata/nowhere").status().ToString(), HasSubstr("testdata/nowhere"));
}

TEST(LoraFileTest, SurvivesDamagedFiles) {
  const std::string file = "testdata/tiny_sdxl/lora/pytorch_lora_weights.safetensors";
  const auto tally = testing::ExpectCopySurvivesDamage(
      file, {.text = testing::SafetensorsHeaderBytes(file)},
      [](const std::string& path) { return ReadLoraFile(path).status(); });
  EXPECT_EQ(tally.legal_truncated, 0u);
}

}  // namespace
}  // namespace draftp
