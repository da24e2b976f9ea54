#include "draftp/anneal/image_drawer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "draftp/model/half_decoder.h"
#include "draftp/shard/world_fixture.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsCloseTo;
using testing::IsEqualTo;
using testing::RelativeError;

constexpr char kDrawnModel[] = "testdata/tiny_sdxl";

SdxlModel LoadModel() {
  auto model =
      SdxlModel::Load({.model = kDrawnModel, .adapters = {{std::string(kDrawnModel) + "/lora"}}},
                      *ChooseDevice("cpu", "float32"));
  TORCH_CHECK(model.ok(), std::string(model.status().message()));
  return *std::move(model);
}

class ImageDrawerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { model_ = new SdxlModel(LoadModel()); }
  static void TearDownTestSuite() { delete model_; }

  ImageDrawerTest() {
    config_.prompts = {std::string(kDrawnModel) + "/prompts/validation.txt"};
    config_.max_prompts = 4;
    config_.sampling.steps = 3;
    config_.weight_type = {"linear"};
  }

  // Final latents of all images, drawn in batches of the config's size.
  at::Tensor Draw() {
    const auto plan = MakeAnnealPlan(config_);
    TORCH_CHECK(plan.ok(), std::string(plan.status().message()));
    ImageDrawer drawer(*model_, *plan, *MakeNoiseSchedule(config_.sampling, model_->scheduler),
                       options_);
    const NoiseStreams streams = *NoiseStreams::Named(config_.noise, config_.seed, 0);
    std::vector<at::Tensor> latents;
    for (int64_t b = 0; b < plan->batches(); ++b) {
      const std::vector<int64_t> images = plan->Batch(b);
      std::vector<std::string> captions;
      for (const int64_t image : images) captions.push_back(plan->PromptOf(image));
      TORCH_CHECK(drawer.SetCaptions(captions).ok(), "captions");
      AnyNoise noise = streams.ForBatch(images);
      auto drawn = drawer.Latents(plan->blends[0], noise);
      TORCH_CHECK(drawn.ok(), std::string(drawn.status().message()));
      latents.push_back(*drawn);
    }
    network_rows_ = drawer.network_rows();
    return at::cat(latents);
  }

  static SdxlModel* model_;
  AnnealConfig config_;
  int64_t work_ = 0, network_rows_ = 0;
  ImageDrawer::Options options_{.size = {128, 128},
                                .negative_prompt = "",
                                .warn = [](const std::string&) {},
                                .on_work = [this](int64_t units) { work_ += units; }};
};

SdxlModel* ImageDrawerTest::model_ = nullptr;

TEST_F(ImageDrawerTest, BatchSizesDrawTheSameImages) {
  for (const char* noise : {"per_image", "original"}) {
    config_.noise = noise;
    config_.batch_size = 1;
    const at::Tensor one = Draw();
    for (const int64_t size : {3, 4}) {
      config_.batch_size = size;
      EXPECT_THAT(Draw(), IsCloseTo(one, 1e-4)) << noise << " in batches of " << size;
    }
  }
}

TEST_F(ImageDrawerTest, NoiseInsideARunIsEachImagesOwn) {
  config_.sampling.sampler = "euler_ancestral";
  config_.batch_size = 1;
  const at::Tensor one = Draw();
  config_.batch_size = 4;
  EXPECT_THAT(Draw(), IsCloseTo(one, 1e-4));
}

TEST_F(ImageDrawerTest, ModelsOfWeightZeroAreNotEvaluated) {
  config_.max_prompts = 1;
  config_.weight_type = {
      "step_0.6"};  // of three steps 0 and 1 are the base model's, step 2 the tuned one's
  Draw();
  EXPECT_EQ(network_rows_, 3 * 2);
  EXPECT_EQ(work_, 3);
  config_.weight_type = {"linear"};  // 0, 1/3, 2/3: one model, then both
  Draw();
  EXPECT_EQ(network_rows_, 2 + 4 + 4);
}

TEST_F(ImageDrawerTest, GuidanceOfOneTakesOneRowAnImage) {
  config_.max_prompts = 1;
  config_.weight_type = {"base"};
  config_.sampling.guidance_scale = 1;
  Draw();
  EXPECT_EQ(network_rows_, 3);
}

TEST_F(ImageDrawerTest, ANegativePromptChangesThePicture) {
  config_.max_prompts = 1;
  const at::Tensor without = Draw();
  options_.negative_prompt = "a red circle";
  EXPECT_GT(RelativeError(Draw(), without), 1e-2);
}

TEST_F(ImageDrawerTest, LoraScaleZeroIsTheBaseModel) {
  config_.max_prompts = 1;
  config_.weight_type = {"draft"};
  model_->tuned[0].adapters[0].scale = 0;
  const at::Tensor draft = Draw();
  model_->tuned[0].adapters[0].scale = 1;
  config_.weight_type = {"base"};
  // Rows with an adapter are computed in other groups than rows without, and the steps magnify how
  // that rounds.
  EXPECT_THAT(draft, IsCloseTo(Draw(), 1e-4));
}

TEST_F(ImageDrawerTest, NotANumberIsAnErrorNotAPicture) {
  SdxlModel damaged = LoadModel();
  damaged.unet.conv_out.bias = damaged.unet.conv_out.bias * std::numeric_limits<float>::quiet_NaN();
  const auto plan = MakeAnnealPlan(config_);
  ImageDrawer drawer(damaged, *plan, *MakeNoiseSchedule(config_.sampling, damaged.scheduler),
                     options_);
  ASSERT_TRUE(drawer.SetCaptions({"a star"}).ok());
  AnyNoise noise = NoiseStreams::Named("per_image", 1, 0)->ForBatch(std::vector<int64_t>{0});
  const auto latents = drawer.Latents(plan->blends[0], noise);
  EXPECT_EQ(latents.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(
      std::string(latents.status().message()),
      ::testing::StartsWith("weight type linear: the sampled latents hold NaN or infinity: "));
}

TEST_F(ImageDrawerTest, OfAPairTheFirstRankSaysWhatIsNotFinite) {
  SdxlModel damaged = LoadModel();
  damaged.unet.conv_out.bias = damaged.unet.conv_out.bias * std::numeric_limits<float>::quiet_NaN();
  const auto plan = MakeAnnealPlan(config_);
  RunRanks(2, [&](World& world) {
    ImageDrawer::Options options = options_;
    options.on_work = [](int64_t) {};
    options.pair = &world;
    ImageDrawer drawer(damaged, *plan, *MakeNoiseSchedule(config_.sampling, damaged.scheduler),
                       options);
    ASSERT_TRUE(drawer.SetCaptions({"a star"}).ok());
    AnyNoise noise = NoiseStreams::Named("per_image", 1, 0)->ForBatch(std::vector<int64_t>{0});
    const auto latents = drawer.Latents(plan->blends[0], noise);
    EXPECT_EQ(latents.status().code(),
              world.first() ? absl::StatusCode::kDataLoss : absl::StatusCode::kOk);
  });
}

TEST_F(ImageDrawerTest, APictureIsNeverMadeOfNotANumber) {
  SdxlModel damaged = LoadModel();
  damaged.vae.conv_out.bias = damaged.vae.conv_out.bias * std::numeric_limits<float>::infinity();
  const auto plan = MakeAnnealPlan(config_);
  ImageDrawer drawer(damaged, *plan, *MakeNoiseSchedule(config_.sampling, damaged.scheduler),
                     options_);
  const auto pictures = drawer.Pictures(at::zeros({1, 4, 16, 16}));
  EXPECT_EQ(pictures.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(pictures.status().message()),
              ::testing::StartsWith("the decoded pictures hold NaN or infinity: "));
}

TEST_F(ImageDrawerTest, OtherSizesThanTheModelsOwn) {
  config_.max_prompts = 1;
  options_.size = {96, 160};
  EXPECT_EQ(Draw().sizes(), (std::vector<int64_t>{1, 4, 12, 20}));
}

// The stream in the decoder goes beyond what float16 is scaled for, which the norms of float32
// don't mind.
TEST_F(ImageDrawerTest, WhatOverflowsInFloat16IsDecodedAgain) {
  const auto plan = MakeAnnealPlan(config_);
  SdxlModel model = LoadModel();
  for (at::Tensor* x : {&model.vae.conv_in.weight, &model.vae.conv_in.bias}) *x = *x * 1e9;
  const at::Tensor latents = at::randn({2, 4, 16, 16});
  std::vector<std::string> said;
  options_.warn_of_decoder = [&said](const std::string& line) { said.push_back(line); };
  const auto pictures = [&] {
    ImageDrawer drawer(model, *plan, *MakeNoiseSchedule(config_.sampling, model.scheduler),
                       options_);
    auto drawn = drawer.Pictures(latents);
    TORCH_CHECK(drawn.ok(), std::string(drawn.status().message()));
    return *std::move(drawn);
  };
  const auto expected = pictures();
  EXPECT_TRUE(said.empty());
  PackInHalf(model.vae);
  const auto found = pictures();
  ASSERT_EQ(said.size(), 1);  // of two pictures, decoded one by one
  EXPECT_THAT(said[0], ::testing::HasSubstr("--decoder tf32"));
  ASSERT_EQ(found.size(), 2);
  for (size_t i = 0; i < found.size(); ++i) {
    int most = 0;
    for (size_t b = 0; b < found[i].pixels.size(); ++b)
      most = std::max(most, std::abs(found[i].pixels[b] - expected[i].pixels[b]));
    EXPECT_LE(most, 1);
  }
}

}  // namespace
}  // namespace draftp
