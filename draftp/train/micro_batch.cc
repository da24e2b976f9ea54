#include "draftp/train/micro_batch.h"

namespace draftp {

void MicroBatchResult::Add(const MicroBatchResult& other, double share) {
  StepResult::Add(other, share);
  const auto add = [share](std::vector<at::Tensor>& sums, const std::vector<at::Tensor>& terms) {
    sums.resize(terms.size());
    for (size_t m = 0; m < terms.size(); ++m)
      sums[m] = sums[m].defined() ? sums[m] + terms[m] * share : terms[m] * share;
  };
  add(member_rewards, other.member_rewards);
  add(member_gradients, other.member_gradients);
}

namespace {

std::vector<at::Tensor> Leaves(const TrainingModel& model) {
  std::vector<at::Tensor> leaves;
  for (const Parameter& parameter : model.parameters()) leaves.push_back(parameter.leaf);
  return leaves;
}

}  // namespace

SdxlBase::SdxlBase(const TrainingModel& model, SdxlDenoiser& tuned, SdxlPredictor& predictor,
                   const SdxlStepOptions& options)
    : base_(WithoutAdapters(tuned, predictor.adapters())) {
  if (model.full())
    base_ =
        SdxlDenoiser(predictor, options.draw.preconditioning, {kBaseNetwork, options.draw.guider});
}

MicroBatchWorker::MicroBatchWorker(const TrainingModel& model, const CompositeReward& reward,
                                   const SdxlStepOptions& options)
    : model_(model),
      composite_(reward),
      options_(options),
      predictor_(model.networks(),
                 {.unet = {.pieces = options.unet_pieces}, .capture = !options.capture}),
      tuned_(predictor_, options.draw.preconditioning, {kTunedNetwork, options.draw.guider}),
      base_(model, tuned_, predictor_, options),
      decoder_{&model.sdxl().vae, options.decoder_pieces},
      reward_(reward),
      step_{.sigmas = options.draw.schedule.sigmas,
            .sampler = options.draw.sampler,
            .tuned = tuned_,
            .base = base_,
            .decoder = decoder_,
            .reward = reward_,
            .leaves = Leaves(model),
            .kl_weight = options.kl_weight,
            .on_phase = [this](const char* phase) { clock_.Mark(phase); }} {}

std::vector<at::Tensor> MicroBatchWorker::Inputs::Tensors() const {
  std::vector<at::Tensor> tensors = {start};
  for (const Conditioning* side : {&conditions.unconditional, &conditions.conditional})
    tensors.insert(tensors.end(), {side->context, side->pooled, side->time_ids});
  tensors.insert(tensors.end(), texts.begin(), texts.end());
  return tensors;
}

MicroBatchWorker::Inputs MicroBatchWorker::Inputs::Of(const std::vector<at::Tensor>& tensors,
                                                      const Inputs& like) {
  const auto& [unconditional, conditional, own] = like.conditions;
  return {
      .conditions = {.unconditional = {tensors[1], tensors[2], tensors[3],
                                       unconditional.zero_context},
                     .conditional = {tensors[4], tensors[5], tensors[6], conditional.zero_context}},
      .texts = {tensors.begin() + 7, tensors.end()},
      .start = tensors[0]};
}

}  // namespace draftp
