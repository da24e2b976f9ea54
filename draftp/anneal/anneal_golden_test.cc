// Annealed images against diffusers + peft under k-diffusion's samplers:
// testdata/generate/anneal.py.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "draftp/anneal/anneal_plan.h"
#include "draftp/anneal/image_drawer.h"
#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/png.h"
#include "draftp/io/test_files.h"
#include "draftp/sdxl/pack_model.h"
#include "draftp/sdxl/sdxl_model.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::RelativeError;

constexpr char kModel[] = "testdata/tiny_sdxl";

// As //tools:anneal draws with it on a CPU.
const SdxlModel& TinyModel() {
  static const auto model = [] {
    auto loaded = SdxlModel::Load({.model = kModel, .adapters = {{std::string(kModel) + "/lora"}}},
                                  *ChooseDevice("cpu", "float32"));
    TORCH_CHECK(loaded.ok(), std::string(loaded.status().message()));
    PackForInference(*loaded);
    return loaded;
  }();
  return *model;
}

AnnealConfig GoldenConfig(const std::string& sampler, const std::string& discretization) {
  AnnealConfig config;
  config.model = kModel;
  config.lora = {std::string(kModel) + "/lora"};
  config.prompts = {std::string(kModel) + "/prompts/validation.txt"};
  config.sampling.steps = 10;
  config.sampling.sampler = sampler;
  config.sampling.discretization = discretization;
  config.batch_size = 2;
  return config;
}

ImageDrawer::Options Quiet() {
  return {.size = {128, 128},
          .negative_prompt = "",
          .warn = [](const std::string&) {},
          .on_work = [](int64_t) {}};
}

// Share of pixel values that differ by more than one.
double Mismatch(const RgbImage& a, const uint8_t* b, int64_t row_bytes) {
  int64_t wrong = 0;
  for (int y = 0; y < a.height; ++y) {
    for (int i = 0; i < 3 * a.width; ++i) {
      wrong += std::abs(a.pixels[size_t(y) * 3 * a.width + i] - b[y * row_bytes + i]) > 1;
    }
  }
  return double(wrong) / double(a.pixels.size());
}

struct Case {
  const char* sampler;
  const char* discretization;
};

class AnnealGoldenTest : public ::testing::TestWithParam<Case> {};

TEST_P(AnnealGoldenTest, EveryWeightTypeEqualsTheReference) {
  const auto [sampler, discretization] = GetParam();
  const AnnealConfig config = GoldenConfig(sampler, discretization);
  const auto plan = MakeAnnealPlan(config);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto goldens = SafetensorsFile::Open("testdata/goldens/anneal.safetensors");
  ASSERT_TRUE(goldens.ok()) << goldens.status();
  const std::string name = std::string(discretization) + "_" + sampler;
  const auto grid = ReadPng("testdata/goldens/anneal_" + name + ".png");
  ASSERT_TRUE(grid.ok()) << grid.status();

  ImageDrawer drawer(TinyModel(), *plan, *MakeNoiseSchedule(config.sampling, TinyModel().scheduler),
                     Quiet());
  const std::vector<int64_t> images = plan->Batch(0);
  ASSERT_TRUE(drawer.SetCaptions({plan->PromptOf(0), plan->PromptOf(1)}).ok());
  const NoiseStreams noise = *NoiseStreams::Named("per_image", config.seed, 0);
  for (size_t column = 0; column < plan->blends.size(); ++column) {
    const Blend& type = plan->blends[column];
    AnyNoise source = noise.ForBatch(images);
    const auto latents = drawer.Latents(type, source);
    ASSERT_TRUE(latents.ok()) << latents.status();
    const at::Tensor golden =
        *(*goldens)->Tensor(std::string(discretization) + "." + sampler + "." + type.text);
    EXPECT_LE(RelativeError(*latents, golden), 1e-3) << type.text;
    const std::vector<RgbImage> pictures = *drawer.Pictures(*latents);
    for (size_t row = 0; row < pictures.size(); ++row) {
      const int64_t row_bytes = int64_t{3} * grid->image.width;
      const uint8_t* cell = grid->image.pixels.data() + row * 128 * row_bytes + column * 128 * 3;
      EXPECT_LE(Mismatch(pictures[row], cell, row_bytes), 1e-3) << type.text << " image " << row;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(SamplersAndDiscretisations, AnnealGoldenTest,
                         ::testing::Values(Case{"euler", "legacy_ddpm"},
                                           Case{"heun", "legacy_ddpm"},
                                           Case{"dpmpp_2m", "legacy_ddpm"}, Case{"euler", "edm"},
                                           Case{"heun", "edm"}, Case{"dpmpp_2m", "edm"}),
                         [](const auto& info) {
                           return std::string(info.param.sampler) + "_" + info.param.discretization;
                         });

// Every way to blend (testdata/generate/blends.py), beside another image in its batch.
TEST(BlendGoldenTest, EveryWayToBlendDrawsTheReferencesLatents) {
  const auto goldens = SafetensorsFile::Open("testdata/goldens/blends.safetensors");
  ASSERT_TRUE(goldens.ok()) << goldens.status();
  AnnealConfig config = GoldenConfig("euler", "legacy_ddpm");
  config.sampling.steps = 4;
  config.weight_type = {"1.6",
                        "weights(0.4)",
                        "weights(linear)",
                        "draw(0.5)",
                        "guided(linear,1)",
                        "guided(0.7,2.5)",
                        "projected(1.5)",
                        "projected(draft,linear)",
                        "bands(linear,1.5)",
                        "bands(draft,base)"};
  for (const bool packed : {true, false}) {
    auto model = SdxlModel::Load(
        {.model = kModel, .adapters = AdaptersOf(config), .adapter_use = AdapterUseOf(config)},
        *ChooseDevice("cpu", "float32"));
    ASSERT_TRUE(model.ok()) << model.status();
    if (packed) PackForInference(*model);
    const auto plan = MakeAnnealPlan(config);
    ASSERT_TRUE(plan.ok()) << plan.status();
    ImageDrawer drawer(*model, *plan, *MakeNoiseSchedule(config.sampling, model->scheduler),
                       Quiet());
    ASSERT_TRUE(drawer.SetCaptions({plan->PromptOf(0), plan->PromptOf(1)}).ok());
    for (const Blend& blend : plan->blends) {
      AnyNoise noise = NoiseStreams::Named("per_image", config.seed, 0)->ForBatch(plan->Batch(0));
      const auto latents = drawer.Latents(blend, noise);
      ASSERT_TRUE(latents.ok()) << latents.status();
      EXPECT_LE(RelativeError(latents->narrow(0, 0, 1), *(*goldens)->Tensor(blend.text)), 1e-3)
          << blend.text << (packed ? " packed" : "");
    }
  }
}

// diffusers' LCMScheduler and TCDScheduler around the same network (few_step_pictures.py).
TEST(FewStepGoldenTest, LcmAndTcdDrawDiffusersLatents) {
  const auto goldens = SafetensorsFile::Open("testdata/goldens/few_step_pictures.safetensors");
  ASSERT_TRUE(goldens.ok()) << goldens.status();
  for (const std::string sampler : {"lcm", "tcd"}) {
    AnnealConfig config = GoldenConfig(sampler, "lcm");
    config.sampling.steps = 4;
    config.sampling.guidance_scale = 0;
    config.sampling.gamma = 0.3;
    config.weight_type = {"draft"};
    const auto plan = MakeAnnealPlan(config);
    ASSERT_TRUE(plan.ok()) << plan.status();
    ImageDrawer drawer(TinyModel(), *plan,
                       *MakeNoiseSchedule(config.sampling, TinyModel().scheduler), Quiet());
    ASSERT_TRUE(drawer.SetCaptions({plan->PromptOf(0), plan->PromptOf(1)}).ok());
    AnyNoise noise = NoiseStreams::Named("per_image", config.seed, 0)->ForBatch(plan->Batch(0));
    const auto latents = drawer.Latents(plan->blends[0], noise);
    ASSERT_TRUE(latents.ok()) << latents.status();
    EXPECT_LE(RelativeError(*latents, *(*goldens)->Tensor(sampler)), 1e-3) << sampler;
  }
}

// A folder of pictures that came with the embedded model: `original` noise, one prompt at a time.
struct Reference {
  const char* folder;
  const char* sampler;
  const char* discretization;
  int64_t steps;
  double guidance_scale;
  std::vector<std::string> weight_types;
  int64_t images;
};

class AnnealReferenceTest : public ::testing::TestWithParam<Reference> {};

TEST_P(AnnealReferenceTest, OriginalNoiseDrawsTheReferencesLatents) {
  const Reference& reference = GetParam();
  AnnealConfig config = GoldenConfig(reference.sampler, reference.discretization);
  config.sampling.steps = reference.steps;
  config.sampling.guidance_scale = reference.guidance_scale;
  config.weight_type = reference.weight_types;
  const auto plan = MakeAnnealPlan(config);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ImageDrawer drawer(TinyModel(), *plan, *MakeNoiseSchedule(config.sampling, TinyModel().scheduler),
                     Quiet());
  const std::string dir =
      std::string(kModel) + "/reference/" + reference.folder + "/annealed_outputs_sdxl_";
  for (const Blend& type : plan->blends) {
    const NoiseStreams noise = *NoiseStreams::Named("original", config.seed, 0);
    for (int64_t image = 0; image < reference.images; ++image) {
      const std::string name = "_0000" + std::to_string(image) + "_00";
      ASSERT_TRUE(
          drawer.SetCaptions({testing::Contents(dir + type.text + "/prompt" + name + ".txt")})
              .ok());
      AnyNoise source = noise.ForBatch(std::vector<int64_t>{image});
      const auto latents = drawer.Latents(type, source);
      ASSERT_TRUE(latents.ok()) << latents.status();
      const auto file = SafetensorsFile::Open(dir + type.text + "/latents" + name + ".safetensors");
      ASSERT_TRUE(file.ok()) << file.status();
      EXPECT_LE(RelativeError(*latents, *(*file)->Tensor("latents")), 1e-3) << type.text << image;
      const auto picture = ReadPng(dir + type.text + "/img" + name + ".png");
      ASSERT_TRUE(picture.ok()) << picture.status();
      EXPECT_LE(Mismatch(drawer.Pictures(*latents)->at(0), picture->image.pixels.data(), 128 * 3),
                1e-3);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Runs, AnnealReferenceTest,
    ::testing::Values(
        Reference{"legacy_ddpm_euler_25",
                  "euler",
                  "legacy_ddpm",
                  25,
                  5.0,
                  {"base", "draft", "linear", "power_2", "step_0.6"},
                  3},
        Reference{"edm_heun_10_scale_4", "heun", "edm", 10, 4.0, {"linear", "step_0.6"}, 2}),
    [](const auto& info) { return std::string(info.param.folder); });

}  // namespace
}  // namespace draftp
