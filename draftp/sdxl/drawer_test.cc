// Conditioning and drawing with the embedded model, against the functions they are made of.
#include "draftp/sdxl/drawer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "draftp/kernels/rgb8.h"
#include "draftp/sampling/trajectory.h"
#include "draftp/schedule/parse_weighing.h"
#include "draftp/schedule/spacings.h"
#include "draftp/sdxl/conditioner.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsCloseTo;
using testing::IsEqualTo;

const SdxlModel& TinyDrawn() {
  static const auto* const model = [] {
    const std::string folder = "testdata/tiny_sdxl";
    auto loaded = SdxlModel::Load({.model = folder, .adapters = {{folder + "/lora"}}},
                                  *ChooseDevice("cpu", "float32"));
    TORCH_CHECK(loaded.ok(), std::string(loaded.status().message()));
    return new SdxlModel(*std::move(loaded));
  }();
  return *model;
}

DrawSettings TinySettings() {
  const DdpmTable table = DdpmTable::Standard();
  return {.size = {128, 128},
          .guider = *AnyGuider::Make({.scale = 3.0}),
          .sampler = *AnySampler::Named("euler"),
          .schedule = {table, LegacyDdpm(table).Sigmas(3)},
          .preconditioning = {PredictionType::kEpsilon, table}};
}

AnyWeighing Constant(double weight) {
  return {[weight](const StepContext&) { return weight; }, "constant"};
}

TEST(Conditioner, EncodesBothSidesAndWarnsOfCutCaptions) {
  std::vector<std::string> warnings;
  const Conditioner conditioner(
      TinyDrawn(),
      {.size = {64, 96}, .warn = [&](const std::string& line) { warnings.push_back(line); }});
  const std::vector<std::string> captions = {"a red circle", std::string(600, 'x') + " y z"};
  const auto conditions = conditioner(captions);
  ASSERT_TRUE(conditions.ok()) << conditions.status();
  const auto expected =
      EncodePrompts(TinyDrawn().text_encoders,
                    Tokenize(TinyDrawn(), captions, [](const std::string&) {}), {64, 96}, {64, 96});
  EXPECT_THAT(conditions->conditional.context, IsEqualTo(expected->context));
  EXPECT_THAT(conditions->conditional.pooled, IsEqualTo(expected->pooled));
  EXPECT_EQ(conditions->unconditional.context.abs().max().item<float>(), 0.0f);  // forced zeros
  EXPECT_EQ(warnings.size(), 1u);
}

TEST(Conditioner, ANegativePromptIsTheUnconditionalSide) {
  const Conditioner conditioner(TinyDrawn(),
                                {.size = {128, 128}, .negative_prompt = "a blue square"});
  const auto conditions = conditioner({"a red circle"}), other = conditioner({"a blue square"});
  ASSERT_TRUE(conditions.ok() && other.ok());
  EXPECT_THAT(conditions->unconditional.context, IsCloseTo(other->conditional.context, 1e-6));
}

TEST(Conditions, RowsAreViewsOfThoseImages) {
  const Conditioner conditioner(TinyDrawn(), {.size = {128, 128}});
  const auto all = conditioner({"a red circle", "a star", "a ring"});
  const Conditions part = all->Rows(1, 2);
  EXPECT_THAT(part.conditional.context, IsEqualTo(all->conditional.context.narrow(0, 1, 2)));
  EXPECT_TRUE(part.conditional.pooled.is_alias_of(all->conditional.pooled));
}

// Weight 1 is the tuned model alone, 0 the base, each as its own guided denoiser draws it.
TEST(Drawer, DrawsTheModelThatTheWeightNames) {
  const SdxlModel& model = TinyDrawn();
  Drawer drawer(model, model.Networks(), model.vae, TinySettings());
  const Conditions conditions = *Conditioner(model, {.size = {128, 128}})({"a red circle"});
  drawer.SetConditions(conditions);
  for (const int network : {kBaseNetwork, kTunedNetwork}) {
    const std::vector<int64_t> images = {5};
    AnyNoise noise(PerImageNoise(9, images));
    int seen = 0;
    const at::Tensor drawn = drawer.Latents({Constant(network == kTunedNetwork ? 1.0 : 0.0)}, noise,
                                            [&](const DenoiserCall&) { ++seen; });
    EXPECT_EQ(seen, 3);
    const at::NoGradGuard no_grad;
    SdxlPredictor predictor(model.Networks());
    predictor.SetConditioning(conditions.unconditional, conditions.conditional);
    const DrawSettings settings = TinySettings();
    MixtureDenoiser alone =
        GuidedDenoiser(predictor, settings.preconditioning, network, settings.guider);
    PerImageNoise same(9, images);
    EXPECT_THAT(drawn,
                IsEqualTo(RunTrajectory(settings.schedule.sigmas, alone, settings.sampler,
                                        InferenceOnly(), same.Initial({1, 4, 16, 16}), same)));
  }
}

// A weight of 0 or 1 is the same of a prediction and of an adapter.
TEST(Drawer, WeighsAdaptersByOneEvaluationAStep) {
  const SdxlModel& model = TinyDrawn();
  const Conditions conditions = *Conditioner(model, {.size = {128, 128}})({"a red circle"});
  const auto draw = [&](bool weighs_adapters, const char* weight, int64_t& rows) {
    DrawSettings settings = TinySettings();
    settings.schedule.sigmas = LegacyDdpm(settings.schedule.table).Sigmas(12);
    settings.weighs_adapters = weighs_adapters;
    Drawer drawer(model, model.Networks(), model.vae, settings);
    drawer.SetConditions(conditions);
    AnyNoise noise(PerImageNoise(9, std::vector<int64_t>{5}));
    const at::Tensor latents =
        drawer.Latents({ParseWeighing(weight).value()}, noise, [](const DenoiserCall&) {});
    rows = drawer.network_rows();
    return latents;
  };
  int64_t predictions = 0, adapters = 0;
  EXPECT_THAT(draw(true, "step_0.5", adapters),
              IsCloseTo(draw(false, "step_0.5", predictions), 1e-3));
  EXPECT_EQ(adapters, predictions);
  const at::Tensor scaled = draw(true, "linear", adapters);
  EXPECT_GT(testing::RelativeError(scaled, draw(false, "linear", predictions)), 1e-3);
  EXPECT_EQ(adapters, 24);
  EXPECT_EQ(predictions, 46);  // all but the first step evaluate both models
}

TEST(Drawer, PicturesAreTheBytesOfWhatTheDecoderGives) {
  const SdxlModel& model = TinyDrawn();
  const Drawer drawer(model, model.Networks(), model.vae, TinySettings());
  const at::Tensor latents = at::full({1, 4, 16, 16}, 0.3);
  const at::Tensor raw = drawer.Raw(latents);
  const RgbImage picture = Drawer::Picture(raw);
  const DecodedImage decoded = SdxlDecoder{&model.vae}(latents);
  EXPECT_EQ(picture.width, 128);
  const at::Tensor bytes = Rgb8Reference(raw).flatten();
  EXPECT_TRUE(
      std::equal(picture.pixels.begin(), picture.pixels.end(), bytes.const_data_ptr<uint8_t>()));
  EXPECT_THAT(decoded.pixels.detach(), IsCloseTo(ToPixels(raw), 1e-5));
}

}  // namespace
}  // namespace draftp
