#include "draftp/sdxl/unused_tensors.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/single_file_layout.h"
#include "draftp/checkpoint/single_file_writer.h"
#include "draftp/io/json_file.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::TemporaryFolder;

constexpr char kWholeTiny[] = "testdata/tiny_sdxl";

class UnusedTensorsTest : public ::testing::Test {
 protected:
  // The embedded model in one file, with ones under the names of `more`.
  std::string OneFile(const std::vector<std::string>& more) {
    auto source = ModelSource::Open(kWholeTiny);
    TensorsToWrite file;
    nlohmann::json configs;
    for (const ModelPart part :
         {ModelPart::kUNet, ModelPart::kVae, ModelPart::kTextEncoder, ModelPart::kTextEncoder2}) {
      auto taken = source->Take(part);
      configs[PartFolder(part)] = taken->config.object();
      auto weights = std::make_shared<WeightMap>(std::move(taken->weights));
      EXPECT_TRUE(AddSingleFilePart(part, *AsStored(std::move(weights), std::nullopt), file).ok());
    }
    for (const std::string& name : more)
      file[name] = {at::kFloat, {1}, [] { return at::ones({1}, at::kFloat); }};
    const std::string path = folder_.path() + "/sdxl.safetensors";
    EXPECT_TRUE(
        WriteSafetensorsOneByOne(path, file, {{SingleFileLayout::kConfigKey, configs.dump()}})
            .ok());
    return path;
  }

  std::string Notice(const std::string& model, PartPaths parts = {}) {
    parts.tokenizer = parts.tokenizer_2 = kWholeTiny;
    const auto loaded = SdxlModel::Load({.model = model, .parts = parts}, {});
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded.ok() ? UnusedTensorsNotice(*loaded) : "";
  }

  TemporaryFolder folder_;
};

TEST_F(UnusedTensorsTest, AFolderInWhichEachTensorHasItsPlaceSaysNothing) {
  EXPECT_EQ(Notice(kWholeTiny), "");
}

// What pruned and unpruned files of Stability, ComfyUI and kohya's scripts have beside the parts.
TEST_F(UnusedTensorsTest, WhatIsKnownToLieBesideTheFourPartsSaysNothing) {
  EXPECT_EQ(
      Notice(OneFile({"model_ema.decay", "model_ema.diffusion_modelout2weight", "betas",
                      "alphas_cumprod_prev", "sqrt_one_minus_alphas_cumprod", "posterior_variance",
                      "denoiser.sigmas", "ztsnr",
                      "conditioner.embedders.0.transformer.text_model.embeddings.position_ids",
                      "conditioner.embedders.0.transformer.text_projection.weight",
                      "conditioner.embedders.1.model.logit_scale"})),
      "");
}

TEST_F(UnusedTensorsTest, OthersAreCountedAndTheFirstNamed) {
  const std::string cond = "model.diffusion_model.time_embedding.cond_proj.weight";
  const std::string file = OneFile({cond, "refiner.a", "refiner.b", "refiner.c", "refiner.d"});
  EXPECT_EQ(Notice(file), "left alone what the model has no place for: " + file + ": 5 tensors (" +
                              cond + ", refiner.a, refiner.b, refiner.c and 1 more)");
}

TEST_F(UnusedTensorsTest, APartThatAnotherFileStandsInForIsntCounted) {
  const std::string file = OneFile({"left.over"});
  EXPECT_EQ(Notice(file, {.vae = kWholeTiny}),
            "left alone what the model has no place for: " + file + ": 1 tensor (left.over)");
}

// Where a config says what there is, a tensor too many contradicts it.
TEST_F(UnusedTensorsTest, AnUnknownKeyBesideAPartsOwnConfigIsAnError) {
  const auto unet = WeightMap::Open(std::string(kWholeTiny) + "/unet", "diffusion_pytorch_model");
  TensorsToWrite tensors = *AsStored(std::make_shared<WeightMap>(*unet), std::nullopt);
  tensors["time_embedding.cond_proj.weight"] = {
      at::kFloat, {1}, [] { return at::ones({1}, at::kFloat); }};
  const std::string dir = folder_.path() + "/unet";
  std::filesystem::create_directory(dir);
  std::filesystem::copy(std::string(kWholeTiny) + "/unet/config.json", dir + "/config.json");
  ASSERT_TRUE(WriteSafetensorsOneByOne(dir + "/diffusion_pytorch_model.safetensors", tensors).ok());
  EXPECT_THAT(SdxlModel::Load({.model = kWholeTiny, .parts = {.unet = dir}}, {}),
              testing::FailsWith("the model has no place for tensor "
                                 "time_embedding.cond_proj.weight"));
}

}  // namespace
}  // namespace draftp
