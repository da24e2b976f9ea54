// One micro batch of SDXL, or a thread's part of it: the training step of objective/train_step.h
// bound to SDXL's networks, decoder and rewards.
#ifndef DRAFTP_TRAIN_MICRO_BATCH_H_
#define DRAFTP_TRAIN_MICRO_BATCH_H_

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "draftp/adapter/adapter_guard.h"
#include "draftp/objective/any_objective.h"
#include "draftp/objective/graph_recorder.h"
#include "draftp/objective/phase_clock.h"
#include "draftp/objective/train_step.h"
#include "draftp/objective/without_adapters.h"
#include "draftp/reward/composite_reward.h"
#include "draftp/reward/encoded_reward.h"
#include "draftp/sampling/any_sampler.h"
#include "draftp/sampling/piece_policy.h"
#include "draftp/sdxl/conditioner.h"
#include "draftp/sdxl/drawer.h"
#include "draftp/sdxl/sdxl_predictor.h"
#include "draftp/train/training_model.h"

namespace draftp {

// What stays the same over a training run.
struct SdxlStepOptions {
  DrawSettings draw;
  AnyObjective objective;
  KlWeight kl_weight = KlWeight::kOne;
  uint64_t seed = 1243;
  AnyPiecePolicy unet_pieces = {}, decoder_pieces = {},
                 text_pieces = {};  // the rewards have theirs
  // After each micro batch's backward pass, and after the runs that recorded one: where the pieces'
  // policy has its own part in gradients (sharding_policy.h).
  std::function<void()> settle = [] {}, recorded = [] {};
  // On a GPU: record a whole micro batch, backward pass included, in one CUDA graph and replay it.
  // For objectives and samplers that draw nothing (training_setup.cc).
  bool capture = false;
  std::function<void(const std::string&)> warn = {};  // a line for each caption that was cut
};

struct MicroBatchResult : StepResult {
  // Of each member of the composite reward: its mean score, and the 2-norm of its gradient.
  std::vector<at::Tensor> member_rewards = {}, member_gradients = {};

  void Add(const MicroBatchResult& other, double share);
};

// The model that KL holds the tuned one near: with an adapter the tuned model without it, with full
// fine-tuning a network of its own.
class SdxlBase {
 public:
  // Both must outlive it and stay where they are.
  SdxlBase(const TrainingModel& model, SdxlDenoiser& tuned, SdxlPredictor& predictor,
           const SdxlStepOptions& options);
  at::Tensor operator()(const at::Tensor& x, double sigma, const StepContext& step) {
    return std::visit([&](auto& base) { return base(x, sigma, step); }, base_);
  }

 private:
  std::variant<SdxlDenoiser, WithoutAdapters<SdxlDenoiser, AdapterSwitch>> base_;
};

// Takes a part of a micro batch from its conditioning to gradients.
class MicroBatchWorker {
 public:
  // All must outlive it.
  MicroBatchWorker(const TrainingModel& model, const CompositeReward& reward,
                   const SdxlStepOptions& options);
  MicroBatchWorker(const MicroBatchWorker&) = delete;
  MicroBatchWorker& operator=(const MicroBatchWorker&) = delete;

  // Forward and backward of B images. `noise` starts them and goes on inside the run; `random`
  // draws what the objective draws; the sink gets `share` times the gradients of the loss.
  template <Objective O, NoiseSource N, GradientSink G>
  MicroBatchResult Run(const O& objective, N& noise, StepRandom& random,
                       std::span<const std::string> captions, const Conditions& conditions,
                       double kl_coefficient, double share, G& sink) {
    clock_.Start();
    const Inputs inputs{conditions, composite_.EncodeCaptions(captions),
                        StartNoise(model_.sdxl(), options_.draw.size,
                                   static_cast<int64_t>(captions.size()), noise)};
    clock_.Mark("encode");
    if (options_.capture) {
      options_.settle();  // nothing of the encoders is on its way to where a replay gathers
      return Replay(objective, inputs, kl_coefficient, share, sink);
    }
    return Compute(objective, noise, random, inputs, kl_coefficient, share, sink);
  }

  std::map<std::string, double> TakeSeconds() { return clock_.Take(); }

 private:
  // All that changes from one micro batch to the next.
  struct Inputs {
    Conditions conditions;
    std::vector<at::Tensor> texts;  // of the rewards
    at::Tensor start;

    std::vector<at::Tensor> Tensors() const;
    // These tensors; what is known of them is as in `like`.
    static Inputs Of(const std::vector<at::Tensor>& tensors, const Inputs& like);
  };

  // Stands in where nothing draws.
  struct NoNoise {
    at::Tensor Initial(at::IntArrayRef) { TORCH_CHECK(false, "a captured run draws no noise"); }
    at::Tensor Like(const at::Tensor&) { TORCH_CHECK(false, "a captured run draws no noise"); }
  };

  // What a recorded micro batch computes.
  struct Recorded {
    MicroBatchResult result;
    std::vector<at::Tensor> gradients;
  };

  template <Objective O, NoiseSource N, GradientSink G>
  MicroBatchResult Compute(const O& objective, N& noise, StepRandom& random, const Inputs& inputs,
                           double kl_coefficient, double share, G& sink) {
    predictor_.SetConditioning(inputs.conditions.unconditional, inputs.conditions.conditional);
    reward_.SetTexts(inputs.texts);
    MicroBatchResult result{
        step_.Run(objective, inputs.start, noise, random, {}, kl_coefficient, share, sink)};
    options_.settle();
    MemberScores members = reward_.TakeScores();
    for (const at::Tensor& score : members.scores) result.member_rewards.push_back(score.mean());
    result.member_gradients = std::move(members.gradient_norms);
    return result;
  }

  template <Objective O, GradientSink G>
  MicroBatchResult Replay(const O& objective, const Inputs& inputs, double kl_coefficient,
                          double share, G& sink) {
    const Recorded& recorded = recorder_.Run(
        inputs.Tensors(), {kl_coefficient, share},
        [&](const std::vector<at::Tensor>& tensors) {
          NoNoise noise;
          StepRandom random(0, 0, "");
          GradientSum gradients;
          Recorded now;
          now.result = Compute(objective, noise, random, Inputs::Of(tensors, inputs),
                               kl_coefficient, share, gradients);
          now.gradients = gradients.Take();
          clock_.Take();
          return now;
        },
        options_.recorded);
    const at::NoGradGuard no_grad;  // copies: the next replay writes into the graph's own
    MicroBatchResult copy;
    copy.Add(recorded.result, 1.0);
    copy.rewards = copy.rewards.clone();
    std::vector<at::Tensor> gradients = recorded.gradients;
    for (at::Tensor& gradient : gradients) {
      if (gradient.defined()) gradient = gradient.clone();
    }
    sink.Add(0, std::move(gradients));
    sink.Finish();
    clock_.Mark("graph");
    return copy;
  }

  const TrainingModel& model_;
  const CompositeReward& composite_;
  const SdxlStepOptions& options_;
  SdxlPredictor predictor_;
  SdxlDenoiser tuned_;
  SdxlBase base_;
  SdxlDecoder decoder_;
  EncodedReward reward_;
  TrainStep<AnySampler, SdxlDenoiser, SdxlBase, SdxlDecoder, EncodedReward> step_;
  GraphRecorder<Recorded> recorder_;
  PhaseClock clock_;
};

}  // namespace draftp

#endif  // DRAFTP_TRAIN_MICRO_BATCH_H_
