// Annealed images against diffusers + peft under k-diffusion's samplers:
// testdata/generate/anneal.py.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>
#include <string>

#include "draftp/io/png.h"
#include "draftp/io/safetensors.h"
#include "draftp/io/test_files.h"
#include "draftp/pipeline/anneal_plan.h"
#include "draftp/pipeline/image_drawer.h"
#include "draftp/pipeline/sdxl_model.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::RelativeError;

constexpr char kModel[] = "testdata/tiny_sdxl";

const SdxlModel& TinyModel() {
  static const auto model = SdxlModel::Load(
      {.model = kModel, .lora = std::string(kModel) + "/lora"}, *ChooseDevice("cpu", "float32"));
  TORCH_CHECK(model.ok(), std::string(model.status().message()));
  return *model;
}

AnnealConfig GoldenConfig(const std::string& sampler, const std::string& discretization) {
  AnnealConfig config;
  config.model = kModel;
  config.lora = std::string(kModel) + "/lora";
  config.prompts = std::string(kModel) + "/prompts/validation.txt";
  config.steps = 10;
  config.sampler = sampler;
  config.discretization = discretization;
  config.batch_size = 2;
  return config;
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

  ImageDrawer drawer(TinyModel(), *plan, *MakeNoiseSchedule(config, TinyModel().scheduler),
                     {.height = 128,
                      .width = 128,
                      .negative_prompt = "",
                      .warn = [](const std::string&) {},
                      .on_work = [](int64_t) {}});
  const std::vector<int64_t> images = plan->Batch(0);
  ASSERT_TRUE(drawer.SetCaptions({plan->PromptOf(0), plan->PromptOf(1)}).ok());
  const NoiseStreams noise = *NoiseStreams::Named("per_image", config.seed, 0);
  for (size_t column = 0; column < plan->weight_types.size(); ++column) {
    const WeightType& type = plan->weight_types[column];
    AnyNoise source = noise.ForBatch(images);
    const auto latents = drawer.Latents(type, source);
    ASSERT_TRUE(latents.ok()) << latents.status();
    const at::Tensor golden =
        *(*goldens)->Tensor(std::string(discretization) + "." + sampler + "." + type.text);
    EXPECT_LE(RelativeError(*latents, golden), 1e-3) << type.text;
    const std::vector<RgbImage> pictures = drawer.Pictures(*latents);
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

// The pictures that came with the embedded model: `original` noise, 25 steps, one prompt at a time.
TEST(AnnealReferenceTest, OriginalNoiseDrawsTheReferencesLatents) {
  AnnealConfig config = GoldenConfig("euler", "legacy_ddpm");
  config.steps = 25;
  config.batch_size = 1;
  const auto plan = MakeAnnealPlan(config);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ImageDrawer drawer(TinyModel(), *plan, *MakeNoiseSchedule(config, TinyModel().scheduler),
                     {.height = 128,
                      .width = 128,
                      .negative_prompt = "",
                      .warn = [](const std::string&) {},
                      .on_work = [](int64_t) {}});
  const std::string dir =
      std::string(kModel) + "/reference/legacy_ddpm_euler_25/annealed_outputs_sdxl_";
  for (const WeightType& type : plan->weight_types) {
    if (type.text != "base" && type.text != "step_0.6") continue;
    const NoiseStreams noise = *NoiseStreams::Named("original", config.seed, 0);
    for (int64_t image = 0; image < 2; ++image) {
      const std::string caption =
          testing::Contents(dir + type.text + "/prompt_0000" + std::to_string(image) + "_00.txt");
      ASSERT_TRUE(drawer.SetCaptions({caption}).ok());
      AnyNoise source = noise.ForBatch(std::vector<int64_t>{image});
      const auto latents = drawer.Latents(type, source);
      ASSERT_TRUE(latents.ok()) << latents.status();
      const auto file = SafetensorsFile::Open(dir + type.text + "/latents_0000" +
                                              std::to_string(image) + "_00.safetensors");
      ASSERT_TRUE(file.ok()) << file.status();
      EXPECT_LE(RelativeError(*latents, *(*file)->Tensor((*file)->names()[0])), 1e-3)
          << type.text << image;
    }
  }
}

}  // namespace
}  // namespace draftp
