// Gradients of a whole micro batch against diffusers + peft + transformers (generate/training.py).
#include "draftp/train/micro_batch.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "draftp/sampling/equally_spaced.h"
#include "draftp/sampling/predict_at.h"
#include "draftp/schedule/ddpm_table.h"
#include "draftp/testing/kept_bytes.h"
#include "draftp/testing/tensor_matchers.h"
#include "draftp/train/training_fixture.h"

namespace draftp {
namespace {

using testing::GoldenName;
using testing::HashTensor;
using testing::IsCloseTo;
using testing::TrainingGolden;
using testing::Value;

const TrainingGolden& Goldens() {
  static const auto* const golden = new TrainingGolden("training");
  return *golden;
}

// The golden's noise.
class GivenNoise {
 public:
  GivenNoise(at::Tensor start, at::Tensor copies)
      : start_(std::move(start)), copies_(std::move(copies)) {}
  at::Tensor Initial(at::IntArrayRef) { return start_; }
  at::Tensor Like(const at::Tensor& x) { return copies_[next_++].to(x.scalar_type()); }

 private:
  at::Tensor start_, copies_;
  int next_ = 0;
};

// An objective whose draw is given: the windows of ReFL and DRTune.
template <GradientWindow W>
struct GivenWindow {
  W window;
  double weight = 0, margin = 0;  // weight 0: -mean(r)

  template <class R>
  std::vector<at::Tensor> Latents(R& rollout, StepRandom&) const {
    return {rollout.Run(window)};
  }
  at::Tensor Loss(const at::Tensor& rewards) const {
    return weight > 0 ? weight * (margin - rewards).clamp_min(0).mean() : NegativeMean(rewards);
  }
  bool fixed_window() const { return true; }
  std::string name() const { return "given"; }
};

struct Setting {
  at::ScalarType dtype = at::kDouble;
  bool unet = false, decoder = false, reward = false;  // recomputed
};

class Case {
 public:
  Case(const std::string& name, Setting setting)
      : settings_(Goldens().json().at("cases").at(name)),
        setting_(setting),
        model_(MakeModel()),
        reward_(testing::TinyReward(model_->sdxl(), setting.reward)) {}

  MicroBatchResult Run() {
    const std::string objective = settings_.at("objective");
    if (objective == "draft_k") return With(DraftK(settings_.at("k")));
    if (objective == "draft_lv") return With(DraftLv(2));
    if (objective == "refl") {
      return With(GivenWindow<PredictAt>{PredictAt(settings_.at("m")), settings_.at("weight"),
                                         settings_.at("margin")});
    }
    const std::vector<int> steps = settings_.at("train_steps");
    return With(GivenWindow<EquallySpaced>{
        EquallySpaced(steps[0], steps[1] - steps[0], 2, settings_.at("stop"))});
  }

  const Parameters& parameters() const { return model_->parameters(); }
  // Of the last run, in the order of the parameters.
  const std::vector<at::Tensor>& gradients() const { return gradients_; }

 private:
  std::unique_ptr<TrainingModel> MakeModel() const {
    const bool full = settings_.at("targets") == "full";
    SdxlModel sdxl = testing::TinySdxl(setting_.dtype);
    sdxl.vae.config.scaling_factor = Goldens().json().at("scaling_factor");
    sdxl.unet = testing::SmallUNet("training", setting_.dtype);
    TrainConfig config;
    config.lora_rank = full ? 0 : Goldens().json().at("lora_rank").get<int64_t>();
    config.lora_alpha = Goldens().json().at("lora_alpha");
    if (!full) config.target_modules = {settings_.at("targets")};
    if (full) {
      VisitWeights(sdxl.unet, [](const std::string& path, auto& layer) {
        const auto perturb = [](at::Tensor& tensor, const std::string& name) {
          if (!tensor.defined()) return;
          tensor =
              (tensor.to(at::kDouble) + 0.02 * HashTensor(name + ".base", tensor.sizes().vec()))
                  .to(tensor.scalar_type());
        };
        perturb(layer.weight, path + ".weight");
        perturb(layer.bias, path + ".bias");
      });
    }
    auto model = Value(TrainingModel::Make(std::move(sdxl), config));
    const UNet formula = testing::SmallUNet("training", setting_.dtype);
    std::map<std::string, at::Tensor> weights;
    VisitWeights(formula, [&](const std::string& path, const auto& layer) {
      weights[path + ".weight"] = layer.weight;
      weights[path + ".bias"] = layer.bias;
    });
    testing::SetParameters(model->parameters(), [&](const std::string& name) {
      return full ? weights.at(name) : Goldens()("lora." + GoldenName(name));
    });
    model->ParametersChanged();
    return model;
  }

  Conditions Given() const {
    const bool wide = settings_.at("inputs") == "wide_noise";
    const Conditioning conditional{Goldens()("inputs.context").to(setting_.dtype),
                                   Goldens()("inputs.pooled").to(setting_.dtype),
                                   Goldens()(wide ? "inputs.wide_time_ids" : "inputs.time_ids")};
    return {{at::zeros_like(conditional.context), at::zeros_like(conditional.pooled),
             conditional.time_ids},
            conditional};
  }

  template <class O>
  MicroBatchResult With(const O& objective) {
    const at::Tensor start = Goldens()("inputs." + settings_.at("inputs").get<std::string>());
    const SdxlStepOptions options{
        .draw = {.size = {start.size(2) * 8, start.size(3) * 8},
                 .guider = Value(AnyGuider::Named(
                     "classifier_free", {.scale = Goldens().json().at("guidance_scale")})),
                 .sampler = Value(AnySampler::Named(settings_.at("sampler").get<std::string>())),
                 .schedule = {DdpmTable::Standard(), Goldens().json().at("sigmas")},
                 .preconditioning = {PredictionType::kEpsilon, DdpmTable::Standard()}},
        .objective = AnyObjective(DraftK(1)),
        .kl_weight = *ParseKlWeight(settings_.at("kl_weight").get<std::string>()),
        .unet_pieces = RecomputeIf(setting_.unet),
        .decoder_pieces = RecomputeIf(setting_.decoder)};
    MicroBatchWorker worker(*model_, reward_, options);
    GivenNoise noise(start, Goldens()("inputs.copies"));
    StepRandom random(0, 0, "");
    const std::vector<std::string> captions = Goldens().json().at("captions");
    GradientSum sum;
    MicroBatchResult result =
        worker.Run(objective, noise, random, captions, Given(), settings_.at("kl_coeff"), 1.0, sum);
    gradients_ = sum.Take();
    gradients_.resize(parameters().size());
    return result;
  }

  nlohmann::json settings_;
  Setting setting_;
  std::unique_ptr<TrainingModel> model_;
  CompositeReward reward_;
  std::vector<at::Tensor> gradients_;
};

// Every value and the gradient of every tensor, norm-wise.
void ExpectGolden(const std::string& name, Setting setting, double tolerance) {
  SCOPED_TRACE(name);
  Case c(name, setting);
  const MicroBatchResult result = c.Run();
  EXPECT_THAT(result.loss, IsCloseTo(Goldens()(name + ".loss"), tolerance));
  EXPECT_THAT(result.kl, IsCloseTo(Goldens()(name + ".kl"), tolerance));
  EXPECT_THAT(result.rewards, IsCloseTo(Goldens()(name + ".reward").flatten(), tolerance));
  const Parameters& parameters = c.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor expected = Goldens()(name + ".gradient." + GoldenName(parameters[i].name));
    const at::Tensor gradient =
        c.gradients()[i].defined() ? c.gradients()[i] : at::zeros_like(parameters[i].leaf);
    EXPECT_THAT(gradient, IsCloseTo(expected, tolerance)) << parameters[i].name;
  }
}

TEST(MicroBatch, HasTheReferencesGradientsInFloat64) {
  for (const auto& [name, settings] : Goldens().json().at("cases").items())
    ExpectGolden(name, {}, 1e-7);
}

// A case's gradients, and the most bytes that it held.
std::pair<std::vector<at::Tensor>, int64_t> GradientsAndPeak(const std::string& name,
                                                             Setting setting) {
  Case c(name, setting);
  const testing::KeptBytes bytes;
  c.Run();
  return {c.gradients(), bytes.Peak()};
}

TEST(MicroBatch, HasTheSameGradientsWithActivationCheckpointing) {
  for (const char* name : {"sdlora_k2_kl", "full_k2_kl", "drtune_1_3_kl"}) {
    SCOPED_TRACE(name);
    const auto [plain, most] = GradientsAndPeak(name, {});
    int64_t least = most;
    for (const Setting& setting :
         {Setting{.unet = true}, Setting{.decoder = true}, Setting{.reward = true},
          Setting{.unet = true, .decoder = true, .reward = true}}) {
      const auto [recomputed, bytes] = GradientsAndPeak(name, setting);
      EXPECT_LE(bytes, most);
      least = std::min(least, bytes);
      for (size_t i = 0; i < plain.size(); ++i) {
        if (!plain[i].defined()) continue;
        EXPECT_THAT(recomputed[i], testing::IsEqualTo(plain[i]));
      }
    }
    EXPECT_LT(least, most * 4 / 5);  // in this small case the decoder's last block is most of it
  }
}

// In float32 on a CPU rollout and base model run on packed weights: the tolerance also holds them
// to the model that has the gradient.
TEST(MicroBatch, HasTheReferencesGradientsInFloat32) {
  for (const char* name : {"sdlora_k1_kl", "diffusers_k2_kl", "full_k2_kl", "draft_lv_kl"})
    ExpectGolden(name, {.dtype = at::kFloat}, 1e-4);
}

}  // namespace
}  // namespace draftp
