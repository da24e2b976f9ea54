// Conditioning and drawing with the embedded model, against the functions they are made of.
#include "draftp/sdxl/drawer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "draftp/kernels/rgb8.h"
#include "draftp/sampling/parse_blending.h"
#include "draftp/sampling/trajectory.h"
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
          .guider = *AnyGuider::Named("classifier_free", {.scale = 3.0}),
          .sampler = *AnySampler::Named("euler"),
          .schedule = {table, LegacyDdpm(table).Sigmas(3)},
          .preconditioning = {PredictionType::kEpsilon, table}};
}

AnyBlending Blended(const char* text) { return ParseBlending(text).value(); }

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
    const at::Tensor drawn = drawer.Latents(Blended(network == kTunedNetwork ? "draft" : "base"),
                                            noise, [&](const DenoiserCall&) { ++seen; });
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

// The embedded model with its adapter as models apart and as one whose scale can change.
const SdxlModel& ScaledModel() {
  static const auto* const model = [] {
    const std::string folder = "testdata/tiny_sdxl";
    auto loaded = SdxlModel::Load({.model = folder,
                                   .adapters = {{folder + "/lora"}},
                                   .adapter_use = AdapterUse::kApartAndCarried},
                                  *ChooseDevice("cpu", "float32"));
    TORCH_CHECK(loaded.ok(), std::string(loaded.status().message()));
    return new SdxlModel(*std::move(loaded));
  }();
  return *model;
}

// Latents of 12 steps, each by a blend of one drawer; `rows`: what the network saw for it.
struct ScaledDrawing {
  ScaledDrawing() {
    settings.schedule.sigmas = LegacyDdpm(settings.schedule.table).Sigmas(12);
    settings.scaled_network = ScaledModel().ScaledNetwork();
    drawer.emplace(ScaledModel(), ScaledModel().Networks(), ScaledModel().vae, settings);
    drawer->SetConditions(*Conditioner(ScaledModel(), {.size = {128, 128}})({"a red circle"}));
  }
  at::Tensor operator()(const char* text) {
    AnyNoise noise(PerImageNoise(9, std::vector<int64_t>{5}));
    const int64_t before = drawer->network_rows();
    const at::Tensor latents = drawer->Latents(Blended(text), noise, [](const DenoiserCall&) {});
    rows = drawer->network_rows() - before;
    return latents;
  }
  DrawSettings settings = TinySettings();
  std::optional<Drawer> drawer;
  int64_t rows = 0;
};

// A weight of 0 or 1 is the same of a prediction and of an adapter.
TEST(Drawer, ScalesAdaptersByOneEvaluationAStepBesideOtherBlends) {
  ASSERT_EQ(ScaledModel().ScaledNetwork(), 2);
  ScaledDrawing draw;
  for (const auto& [scaled, predictions] : {std::pair{"weights(step_0.5)", "step_0.5"},
                                            {"weights(1)", "draft"},
                                            {"weights(0)", "base"}}) {
    const at::Tensor drawn = draw(scaled);
    EXPECT_EQ(draw.rows, 24) << scaled;
    EXPECT_THAT(drawn, IsCloseTo(draw(predictions), 1e-3)) << scaled;
  }
  const at::Tensor scaled = draw("weights(linear)");
  EXPECT_EQ(draw.rows, 24);
  EXPECT_GT(testing::RelativeError(scaled, draw("linear")), 1e-3);
  EXPECT_EQ(draw.rows, 46);  // all but the first step evaluate both models
  EXPECT_GT(testing::RelativeError(scaled, draw("weights(0.4)")), 1e-3);
  EXPECT_THAT(draw("weights(linear)"), IsEqualTo(scaled));  // whatever was drawn in between
}

// Merged into the weights, as `--lora FILE:0.4 --blend weights` has it.
TEST(Drawer, AConstantScaleIsTheAdapterMerged) {
  const std::string folder = "testdata/tiny_sdxl";
  const SdxlModel merged = SdxlModel::Load({.model = folder,
                                            .adapters = {{folder + "/lora", 0.4}},
                                            .adapter_use = AdapterUse::kMerged},
                                           *ChooseDevice("cpu", "float32"))
                               .value();
  ScaledDrawing draw;
  Drawer alone(merged, merged.Networks(), merged.vae, draw.settings);
  alone.SetConditions(*Conditioner(merged, {.size = {128, 128}})({"a red circle"}));
  AnyNoise noise(PerImageNoise(9, std::vector<int64_t>{5}));
  EXPECT_THAT(draw("weights(0.4)"),
              IsCloseTo(alone.Latents(Blended("draft"), noise, [](const DenoiserCall&) {}), 1e-3));
}

TEST(Drawer, PicturesAreTheBytesOfWhatTheDecoderGives) {
  const SdxlModel& model = TinyDrawn();
  const Drawer drawer(model, model.Networks(), model.vae, TinySettings());
  const at::Tensor latents =
      at::cat({at::full({1, 4, 16, 24}, 0.3), at::full({1, 4, 16, 24}, -0.2)});
  const at::Tensor raw = drawer.Raw(latents);
  const std::vector<RgbImage> pictures = Drawer::Pictures(raw);
  const DecodedImage decoded = SdxlDecoder{&model.vae}(latents);
  ASSERT_EQ(pictures.size(), 2u);
  for (int64_t b = 0; b < 2; ++b) {
    const RgbImage& picture = pictures[static_cast<size_t>(b)];
    EXPECT_EQ(std::pair(picture.width, picture.height), std::pair(192, 128));
    const at::Tensor bytes = Rgb8Reference(raw.narrow(0, b, 1)).flatten();
    EXPECT_TRUE(
        std::equal(picture.pixels.begin(), picture.pixels.end(), bytes.const_data_ptr<uint8_t>()));
  }
  EXPECT_NE(pictures[0].pixels, pictures[1].pixels);
  EXPECT_THAT(decoded.pixels.detach(), IsCloseTo(ToPixels(raw), 1e-5));
}

}  // namespace
}  // namespace draftp
