// One micro batch of SDXL, or a thread's part of it: from conditioning and noise to gradients.
#ifndef DRAFTP_TRAIN_MICRO_BATCH_H_
#define DRAFTP_TRAIN_MICRO_BATCH_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "draftp/kernels/cuda_backend.h"
#include "draftp/model/conditioning.h"
#include "draftp/model/vae_decoder.h"
#include "draftp/objective/any_objective.h"
#include "draftp/objective/draft_loss.h"
#include "draftp/objective/gaussian_kl.h"
#include "draftp/objective/rollout.h"
#include "draftp/objective/scored_reward.h"
#include "draftp/reward/composite_reward.h"
#include "draftp/run/progress.h"
#include "draftp/sampling/any_guider.h"
#include "draftp/sampling/any_sampler.h"
#include "draftp/sampling/mixture_denoiser.h"
#include "draftp/sdxl/any_preconditioning.h"
#include "draftp/sdxl/sdxl_predictor.h"
#include "draftp/train/training_model.h"

namespace draftp {

// What stays the same over a training run.
struct TrainStepOptions {
  std::vector<double> sigmas;  // N + 1
  AnyPreconditioning preconditioning;
  AnyGuider guider;
  AnySampler sampler;
  AnyObjective objective;
  KlWeight kl_weight = KlWeight::kOne;
  ImageSize size;  // pixels
  uint64_t seed = 1243;
  bool recompute_unet = false;  // activations, in the backward pass
  bool recompute_decoder = false;
  // On a GPU: record a whole micro batch, backward pass included, in one CUDA graph and replay it.
  // For objectives and samplers that draw nothing (training_setup.cc).
  bool capture = false;
  std::function<void(const std::string&)> warn = {};  // a line for each caption that was cut
};

// Means over the images of a micro batch; scalars on the device, float32 or float64, not waited
// for.
struct MicroBatchResult {
  at::Tensor loss, reward, kl, clamped;
  at::Tensor rewards;  // [copies * B]
  std::vector<at::Tensor> member_rewards = {},
                          member_gradients = {};  // of each member of the composite
  std::vector<at::Tensor> gradients =
      {};  // in the order of the model's parameters; undefined: zero

  void Add(const MicroBatchResult& other, double share);
};

// Seconds between its marks, by the name of what ended there.
class PhaseClock {
 public:
  void Start() { last_ = Progress::WallSeconds(); }
  void Mark(const std::string& phase) {
    const double now = Progress::WallSeconds();
    seconds_[phase] += now - last_;
    last_ = now;
  }
  std::map<std::string, double> Take() { return std::exchange(seconds_, {}); }

 private:
  double last_ = 0;
  std::map<std::string, double> seconds_;
};

// Takes a part of a micro batch from its conditioning to gradients.
class MicroBatchWorker {
 public:
  using SdxlDenoiser = MixtureDenoiser<SdxlPredictor, AnyPreconditioning, AnyGuider>;

  // All must outlive it.
  MicroBatchWorker(const TrainingModel& model, const CompositeReward& reward,
                   const TrainStepOptions& options)
      : model_(model),
        reward_(reward),
        options_(options),
        predictor_(model.networks(), {.gradient = {.recompute = options.recompute_unet},
                                      .capture = !options.capture}),
        tuned_(predictor_, options.preconditioning, {kTunedNetwork, options.guider}),
        base_(predictor_, options.preconditioning, {kBaseNetwork, options.guider}) {
    for (const RewardMember& member : reward.members())
      factors_.push_back(member.weight * member.scale);
    for (const Parameter& parameter : model.parameters()) leaves_.push_back(parameter.leaf);
  }

  // What conditions the images, B rows each.
  struct Conditions {
    Conditioning unconditional, conditional;
  };

  // Forward and backward of B images. `noise` starts them and goes on inside the run; `random`
  // draws what the objective draws; `gradients` of the result are `share` times those of the loss.
  template <Objective O, NoiseSource N>
  MicroBatchResult Run(const O& objective, N& noise, StepRandom& random,
                       std::span<const std::string> captions, const Conditions& conditions,
                       double kl_coefficient, double share) {
    clock_.Start();
    const Inputs inputs{conditions, reward_.EncodeCaptions(captions),
                        Start(noise, captions.size())};
    clock_.Mark("encode");
    if (options_.capture) return Replay(objective, inputs, kl_coefficient, share);
    return Compute(objective, noise, random, inputs, kl_coefficient, share);
  }

  std::map<std::string, double> TakeSeconds() { return clock_.Take(); }

 private:
  // All that changes from one micro batch to the next.
  struct Inputs {
    Conditions conditions;
    std::vector<at::Tensor> texts;  // of the rewards
    at::Tensor start;

    std::vector<at::Tensor> All() const {
      std::vector<at::Tensor> all = {start};
      for (const Conditioning* side : {&conditions.unconditional, &conditions.conditional})
        all.insert(all.end(), {side->context, side->pooled, side->time_ids});
      all.insert(all.end(), texts.begin(), texts.end());
      return all;
    }
  };

  // Stands in where nothing draws.
  struct NoNoise {
    at::Tensor Initial(at::IntArrayRef) { TORCH_CHECK(false, "a captured run draws no noise"); }
    at::Tensor Like(const at::Tensor&) { TORCH_CHECK(false, "a captured run draws no noise"); }
  };

  // A micro batch as the CUDA graph knows it: where it reads and writes, and what is fixed in it.
  struct Captured {
    Inputs inputs;
    double kl_coefficient, share;
    MicroBatchResult result;
    std::unique_ptr<CapturedGraph> graph;
  };

  template <Objective O, NoiseSource N>
  MicroBatchResult Compute(const O& objective, N& noise, StepRandom& random, const Inputs& inputs,
                           double kl_coefficient, double share) {
    predictor_.SetConditioning(inputs.conditions.unconditional, inputs.conditions.conditional);
    GaussianKl kl(base_, options_.kl_weight);
    Rollout rollout(options_.sigmas, tuned_, options_.sampler, inputs.start, noise, kl);
    bool before_gradient = true;
    rollout.OnStep([&](StepAction action) {
      if (action.gradient == GradientMode::kNone || !before_gradient) return;
      before_gradient = false;
      clock_.Mark("rollout");
    });
    MemberScores members;
    const DraftLoss result = ComputeDraftLoss(
        objective, rollout, random, kl, kl_coefficient,
        [this](const at::Tensor& latents) { return Decode(latents); },
        [&](const at::Tensor& pixels) { return Score(pixels, inputs.texts, members); },
        [this](const char* phase) { clock_.Mark(phase); });
    MicroBatchResult report = Report(result, members);
    report.gradients = torch::autograd::grad({result.loss * share}, leaves_, {},
                                             /*retain_graph=*/false, /*create_graph=*/false,
                                             /*allow_unused=*/true);
    clock_.Mark("backward");
    return report;
  }

  template <Objective O>
  MicroBatchResult Replay(const O& objective, const Inputs& inputs, double kl_coefficient,
                          double share) {
    const bool same = captured_ && captured_->kl_coefficient == kl_coefficient &&
                      captured_->share == share &&
                      captured_->inputs.start.sizes() == inputs.start.sizes();
    if (!same) Capture(objective, inputs, kl_coefficient, share);
    const std::vector<at::Tensor> from = inputs.All(), into = captured_->inputs.All();
    for (size_t i = 0; i < from.size(); ++i) into[i].copy_(from[i]);
    captured_->graph->Replay();
    const at::NoGradGuard no_grad;
    MicroBatchResult copy;  // the next replay writes into the graph's own
    copy.Add(captured_->result, 1.0);
    copy.rewards = copy.rewards.clone();
    for (at::Tensor& gradient : copy.gradients) {
      if (gradient.defined()) gradient = gradient.clone();
    }
    clock_.Mark("graph");
    return copy;
  }

  template <Objective O>
  void Capture(const O& objective, const Inputs& inputs, double kl_coefficient, double share) {
    const auto backend = OpenCudaBackend();
    TORCH_CHECK(backend.ok(), std::string(backend.status().message()));
    captured_.reset();
    captured_ = std::make_unique<Captured>(Captured{inputs, kl_coefficient, share, {}, nullptr});
    captured_->inputs.start = inputs.start.clone();
    for (Conditioning* side :
         {&captured_->inputs.conditions.unconditional, &captured_->inputs.conditions.conditional})
      *side = {side->context.clone(), side->pooled.clone(), side->time_ids.clone()};
    for (at::Tensor& text : captured_->inputs.texts) text = text.clone();
    NoNoise noise;
    StepRandom random(0, 0, "");
    captured_->graph = (*backend)->Capture([&] {
      captured_->result =
          Compute(objective, noise, random, captured_->inputs, kl_coefficient, share);
    });
    clock_.Take();
  }

  template <NoiseSource N>
  at::Tensor Start(N& noise, size_t images) const {
    const SdxlModel& sdxl = model_.sdxl();
    const int64_t factor = sdxl.vae.config.Downsampling();
    const at::Tensor start =
        noise.Initial({static_cast<int64_t>(images), sdxl.unet.config.in_channels,
                       options_.size.height / factor, options_.size.width / factor});
    const Placement placement = sdxl.unet.placement();
    return start.to(placement.device, placement.dtype == at::kDouble ? at::kDouble : at::kFloat);
  }

  DecodedImage Decode(const at::Tensor& latents) const {
    const VaeDecoder& vae = model_.sdxl().vae;
    const at::Tensor raw = DecodeRaw(vae, UnscaleLatents(latents, vae.config),
                                     {.recompute = options_.recompute_decoder});
    return {ToPixels(raw), raw.detach().abs().gt(1.0).to(at::kFloat).mean()};
  }

  at::Tensor Score(const at::Tensor& pixels, std::span<const at::Tensor> texts,
                   MemberScores& members) const {
    MemberScores copy;  // of one of the objective's latents
    const at::Tensor reward = ScoreWithGradient(
        pixels, [&](const at::Tensor& images) { return reward_.ScoreMembers(images, texts); },
        [&](std::span<const at::Tensor> scores) { return reward_.Combine(scores); }, factors_,
        copy);
    members.Append(copy);
    return reward;
  }

  static MicroBatchResult Report(const DraftLoss& result, const MemberScores& members) {
    MicroBatchResult report{.loss = result.loss.detach(),
                            .reward = result.rewards.mean(),
                            .kl = result.kl,
                            .clamped = result.clamped,
                            .rewards = result.rewards,
                            .member_rewards = {},
                            .member_gradients = members.gradient_norms};
    for (const at::Tensor& score : members.scores) report.member_rewards.push_back(score.mean());
    return report;
  }

  const TrainingModel& model_;
  const CompositeReward& reward_;
  const TrainStepOptions& options_;
  SdxlPredictor predictor_;
  SdxlDenoiser tuned_, base_;
  std::vector<double> factors_;
  std::vector<at::Tensor> leaves_;
  std::unique_ptr<Captured> captured_;
  PhaseClock clock_;
};

}  // namespace draftp

#endif  // DRAFTP_TRAIN_MICRO_BATCH_H_
