// The first optimiser steps of a run against diffusers + peft in float64
// (generate/training_run.py).
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "draftp/schedule/ddpm_table.h"
#include "draftp/schedule/spacings.h"
#include "draftp/shard/optimizer.h"
#include "draftp/testing/tensor_matchers.h"
#include "draftp/train/sdxl_step.h"
#include "draftp/train/training_fixture.h"

namespace draftp {
namespace {

using testing::GoldenName;
using testing::HashTensor;
using testing::IsCloseTo;
using testing::TrainingGolden;
using testing::Value;

std::vector<std::string> FirstCaptions(int64_t count) {
  std::ifstream file(std::string(testing::kTinySdxl) + "/prompts/train.txt");
  std::vector<std::string> captions(count);
  for (std::string& caption : captions) std::getline(file, caption);
  return captions;
}

// A run as the golden's script has it: micro batches of one, two a step.
class GoldenRun {
 public:
  GoldenRun(const TrainingGolden& golden, const std::string& name, OptimizerOptions options)
      : golden_(golden),
        name_(name),
        model_(MakeModel()),
        reward_(testing::TinyReward(model_->sdxl())),
        step_(*model_, reward_, StepOptions()),
        optimizer_(model_->parameters(), options) {}

  void Expect(int64_t step, double tolerance) {
    SCOPED_TRACE(name_ + " step " + std::to_string(step));
    const std::vector<std::string> captions = FirstCaptions(2 * step + 2);
    MicroBatchResult mean;
    for (const int64_t sample : {2 * step, 2 * step + 1}) {
      MicroBatchResult result = Value(step_.Run(
          step, std::vector{sample}, std::vector{captions[sample]}, 0.1, 0.5, optimizer_));
      mean.Add(result, 0.5);
    }
    const at::Tensor norm = optimizer_.GradientNorm();
    EXPECT_THAT(mean.reward, IsCloseTo(Golden("reward", step), tolerance));
    EXPECT_THAT(mean.kl, IsCloseTo(Golden("kl", step), tolerance));
    EXPECT_THAT(mean.loss, IsCloseTo(Golden("loss", step), tolerance));
    EXPECT_THAT(norm, IsCloseTo(Golden("grad_norm", step), tolerance));
    optimizer_.Step(Golden("lr", step).item<double>(), norm);
    model_->ParametersChanged();
  }

  // sum(w * hash) of each trained tensor.
  at::Tensor Dots(const std::map<std::string, at::Tensor>& values) const {
    std::vector<double> dots;
    for (const std::string name : golden_.json().at("parameters")) {
      const at::Tensor& value = values.at(name);
      dots.push_back(
          (value.to(at::kDouble) * HashTensor(name, value.sizes().vec())).sum().item<double>());
    }
    return at::tensor(dots, at::kDouble);
  }
  std::map<std::string, at::Tensor> Parameters() const {
    std::map<std::string, at::Tensor> values;
    for (const Parameter& parameter : model_->parameters())
      values[GoldenName(parameter.name)] = parameter.value.detach();
    return values;
  }
  std::map<std::string, at::Tensor> Averages() const {
    std::map<std::string, at::Tensor> values;
    for (const auto& [name, value] : optimizer_.AveragedValues()) values[GoldenName(name)] = value;
    return values;
  }
  at::Tensor Golden(const std::string& tensor) const { return golden_(name_ + "." + tensor); }

 private:
  at::Tensor Golden(const std::string& tensor, int64_t step) const { return Golden(tensor)[step]; }

  std::unique_ptr<TrainingModel> MakeModel() const {
    TrainConfig config;
    config.lora_rank = config.lora_alpha = 4;
    auto model = Value(TrainingModel::Make(testing::TinySdxl(at::kDouble), config));
    testing::SetParameters(model->parameters(), [&](const std::string& parameter) {
      return parameter.ends_with("lora_A.weight") ? golden_("initial." + GoldenName(parameter))
                                                  : at::Tensor(at::zeros({1}));
    });
    return model;
  }

  static SdxlStepOptions StepOptions() {
    return {
        .draw = {.size = {64, 64},
                 .guider = Value(AnyGuider::Named("classifier_free", {.scale = 5.0})),
                 .sampler = Value(AnySampler::Named("euler")),
                 .schedule = {DdpmTable::Standard(), LegacyDdpm(DdpmTable::Standard()).Sigmas(4)},
                 .preconditioning = {PredictionType::kEpsilon, DdpmTable::Standard()}},
        .objective = AnyObjective(DraftK(2)),
        .seed = 1243};
  }

  const TrainingGolden& golden_;
  std::string name_;
  std::unique_ptr<TrainingModel> model_;
  CompositeReward reward_;
  SdxlTrainStep step_;
  Optimizer optimizer_;
};

const TrainingGolden& RunGoldens() {
  static const auto* const golden = new TrainingGolden("training_run");
  return *golden;
}

TEST(TrainRun, FollowsTheReferenceForTwentySteps) {
  GoldenRun run(RunGoldens(), "run", {.weight_decay = 5e-4, .gradient_clip_val = 10});
  for (int64_t step = 0; step < 20; ++step) run.Expect(step, 1e-6);
  EXPECT_THAT(run.Dots(run.Parameters()), IsCloseTo(run.Golden("final_dot"), 1e-6));
}

TEST(TrainRun, ClipsAndAveragesAsTheReference) {
  GoldenRun run(RunGoldens(), "clipped",
                {.weight_decay = 5e-4, .gradient_clip_val = 0.05, .ema_decay = 0.9});
  for (int64_t step = 0; step < 3; ++step) run.Expect(step, 1e-6);
  EXPECT_THAT(run.Dots(run.Parameters()), IsCloseTo(run.Golden("final_dot"), 1e-6));
  EXPECT_THAT(run.Dots(run.Averages()), IsCloseTo(run.Golden("ema_dot"), 1e-6));
}

}  // namespace
}  // namespace draftp
