// What only a GPU can show: the CPU's pictures, captured network calls, and the CPU's gradients
// under recomputation.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "draftp/adapter/adapter_guard.h"
#include "draftp/adapter/lora_file.h"
#include "draftp/anneal/anneal_plan.h"
#include "draftp/anneal/image_drawer.h"
#include "draftp/checkpoint/safetensors.h"
#include "draftp/model/unet.h"
#include "draftp/model/unet_adapter.h"
#include "draftp/model/unet_prepare.h"
#include "draftp/sdxl/sdxl_model.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsCloseTo;
using testing::RelativeError;

constexpr char kModel[] = "testdata/tiny_sdxl";

SdxlModel LoadModel(const std::string& dtype) {
  const auto device = ChooseDevice("cuda", dtype);
  TORCH_CHECK(device.ok(), std::string(device.status().message()));
  auto model =
      SdxlModel::Load({.model = kModel, .adapters = {{std::string(kModel) + "/lora"}}}, *device);
  TORCH_CHECK(model.ok(), std::string(model.status().message()));
  return *std::move(model);
}

// Largest relative error of the final latents against the goldens, over the config's weight types.
double WorstGoldenError(const SdxlModel& model, const std::string& sampler) {
  AnnealConfig config;
  config.prompts = {std::string(kModel) + "/prompts/validation.txt"};
  config.sampling.steps = 10;
  config.batch_size = 2;
  config.sampling.sampler = sampler;
  const auto plan = MakeAnnealPlan(config);
  const auto goldens = SafetensorsFile::Open("testdata/goldens/anneal.safetensors");
  TORCH_CHECK(plan.ok() && goldens.ok(), "plan or goldens");
  ImageDrawer drawer(model, *plan, *MakeNoiseSchedule(config.sampling, model.scheduler),
                     {.size = {128, 128},
                      .negative_prompt = "",
                      .warn = [](const std::string&) {},
                      .on_work = [](int64_t) {}});
  TORCH_CHECK(drawer.SetCaptions({plan->PromptOf(0), plan->PromptOf(1)}).ok(), "captions");
  double worst = 0;
  for (const Blend& type : plan->blends) {
    AnyNoise noise = NoiseStreams::Named("per_image", config.seed, 0)->ForBatch(plan->Batch(0));
    const auto latents = drawer.Latents(type, noise);
    TORCH_CHECK(latents.ok(), std::string(latents.status().message()));
    worst = std::max(worst, RelativeError(*latents, *(*goldens)->Tensor("legacy_ddpm." + sampler +
                                                                        "." + type.text)));
  }
  return worst;
}

TEST(PipelineGpuTest, Float32DrawsTheReferencesPictures) {
  const SdxlModel model = LoadModel("float32");
  for (const char* sampler : {"euler", "heun", "dpmpp_2m"}) {
    const double error = WorstGoldenError(model, sampler);
    std::printf("float32 %s: worst relative error of final latents %.2e\n", sampler, error);
    EXPECT_LE(error, 1e-3) << sampler;
  }
}

// Ways to blend as columns of one drawer, so that captured calls of one column stand beside those
// of other scales; twice, so that graphs are replayed and made again.
TEST(PipelineGpuTest, Float32BlendsAsTheReference) {
  AnnealConfig config;
  config.prompts = {std::string(kModel) + "/prompts/validation.txt"};
  config.lora = {std::string(kModel) + "/lora"};
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
  auto model = SdxlModel::Load(
      {.model = kModel, .adapters = AdaptersOf(config), .adapter_use = AdapterUseOf(config)},
      *ChooseDevice("cuda", "float32"));
  ASSERT_TRUE(model.ok()) << model.status();
  const auto plan = MakeAnnealPlan(config);
  const auto goldens = SafetensorsFile::Open("testdata/goldens/blends.safetensors");
  ASSERT_TRUE(plan.ok() && goldens.ok());
  ImageDrawer drawer(*model, *plan, *MakeNoiseSchedule(config.sampling, model->scheduler),
                     {.size = {128, 128},
                      .negative_prompt = "",
                      .warn = [](const std::string&) {},
                      .on_work = [](int64_t) {}});
  ASSERT_TRUE(drawer.SetCaptions({plan->PromptOf(0)}).ok());
  for (int round = 0; round < 2; ++round) {
    for (const Blend& blend : plan->blends) {
      AnyNoise noise =
          NoiseStreams::Named("per_image", config.seed, 0)->ForBatch(std::vector<int64_t>{0});
      const auto latents = drawer.Latents(blend, noise);
      ASSERT_TRUE(latents.ok()) << latents.status();
      EXPECT_LE(RelativeError(*latents, *(*goldens)->Tensor(blend.text)), 1e-3) << blend.text;
    }
  }
}

TEST(PipelineGpuTest, Bfloat16DrawsNearlyThem) {
  const double error = WorstGoldenError(LoadModel("bfloat16"), "euler");
  std::printf("bfloat16 euler: worst relative error of final latents %.2e\n", error);
  EXPECT_LE(error, 0.2);  // ten steps of a network whose every product rounds to 8 bits
}

TEST(PipelineGpuTest, OneCapturedCallServesEveryStepOfMixedRows) {
  const SdxlModel model = LoadModel("float32");
  const auto random = [](at::IntArrayRef sizes) { return at::randn(sizes).to(at::kCUDA); };
  const auto conditioning = [&] {
    return Conditioning{random({2, 77, 192}), random({2, 128}),
                        at::full({2, 6}, 128.0, at::kFloat).to(at::kCUDA)};
  };
  SdxlPredictor predictor(model.Networks());
  const std::vector<RowGroup> rows = {{0, Condition::kUnconditional},
                                      {0, Condition::kConditional},
                                      {1, Condition::kUnconditional},
                                      {1, Condition::kConditional}};
  for (int batch = 0; batch < 2; ++batch) {  // the second batch replays the first one's graph
    predictor.SetConditioning(conditioning(), conditioning());
    for (const double time : {999.0, 500.0, 1.0}) {
      const at::Tensor x = random({2, 4, 16, 16});
      const at::Tensor eager = predictor(x, time, rows);  // grad mode: not captured
      const at::NoGradGuard no_grad;
      EXPECT_THAT(predictor(x, time, rows), IsCloseTo(eager, 1e-5)) << "time " << time;
    }
  }
}

// A graph is recorded for each state of the adapters; a guard chooses between the recordings.
TEST(PipelineGpuTest, AGuardWorksOnCapturedCalls) {
  const SdxlModel model = LoadModel("float32");
  const auto random = [](at::IntArrayRef sizes) { return at::randn(sizes).to(at::kCUDA); };
  const Conditioning condition{random({2, 77, 192}), random({2, 128}),
                               at::full({2, 6}, 128.0, at::kFloat).to(at::kCUDA)};
  SdxlPredictor predictor(model.Networks());
  predictor.SetConditioning(condition, condition);
  const std::vector<RowGroup> tuned = {{1, Condition::kConditional}};
  const std::vector<RowGroup> base = {{0, Condition::kConditional}};
  const at::NoGradGuard no_grad;
  for (const double time : {999.0, 500.0, 1.0}) {
    const at::Tensor x = random({2, 4, 16, 16}), with = predictor(x, time, tuned);
    const AdapterGuard guard(predictor.adapters());
    EXPECT_THAT(predictor(x, time, tuned), IsCloseTo(predictor(x, time, base), 1e-6));
    EXPECT_GT(testing::RelativeError(predictor(x, time, tuned), with), 1e-3);
  }
}

// Gradients of every LoRA factor and of the sample, with the blocks recomputed.
std::vector<at::Tensor> RecomputedGradients(const at::Device& device, const at::Tensor& sample,
                                            const UNetConditioning& conditioning) {
  auto unet = UNet::Load(std::string(kModel) + "/unet", {device, at::kFloat});
  TORCH_CHECK(unet.ok() && AttachLora(*unet, *ReadLoraFile(std::string(kModel) + "/lora"), 0).ok(),
              "unet");
  std::vector<at::Tensor> leaves;
  VisitWeights(*unet, [&](const std::string&, auto& layer) {
    if constexpr (requires { layer.adapters; }) {
      for (auto& lora : layer.adapters) {
        if (!lora) continue;
        leaves.push_back(lora->a.requires_grad_());
        leaves.push_back(lora->b.requires_grad_());
      }
    }
  });
  const at::Tensor x = sample.detach().clone().to(device).detach().requires_grad_();
  leaves.push_back(x);
  const Prepared prepared =
      Prepare(*unet,
              {conditioning.context.to(device), conditioning.pooled.to(device),
               conditioning.time_ids.to(device)},
              OnAllRows(0), KeysAndValues::kInForward);
  const at::Tensor time = at::full({}, 400.0, at::TensorOptions().dtype(at::kFloat).device(device));
  UNetForward(*unet, x, time, prepared, OnAllRows(0), {.pieces = RecomputePieces()})
      .square()
      .sum()
      .backward();
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& leaf : leaves) gradients.push_back(leaf.grad().cpu());
  return gradients;
}

TEST(PipelineGpuTest, RecomputedBackwardGivesTheCpusGradients) {
  ASSERT_TRUE(ChooseDevice("cuda", "float32").ok());
  const at::Tensor sample = at::randn({2, 4, 16, 16});
  const UNetConditioning conditioning{at::randn({2, 77, 192}), at::randn({2, 128}),
                                      at::full({2, 6}, 128.0)};
  const auto cpu = RecomputedGradients(at::kCPU, sample, conditioning);
  const auto gpu = RecomputedGradients(at::Device(at::kCUDA, 0), sample, conditioning);
  ASSERT_GT(cpu.size(), 200u);
  double worst = 0;
  for (size_t i = 0; i < cpu.size(); ++i) worst = std::max(worst, RelativeError(gpu[i], cpu[i]));
  std::printf("recomputed gradients: worst relative error of %zu tensors %.2e\n", cpu.size(),
              worst);
  EXPECT_LE(worst, 1e-3);
}

}  // namespace
}  // namespace draftp
