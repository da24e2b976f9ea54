#include "draftp/sdxl/conditioner.h"

#include <ATen/core/grad_mode.h>

#include <utility>

namespace draftp {

Conditions Conditions::Rows(int64_t begin, int64_t count) const {
  const auto rows = [begin, count](const Conditioning& all) {
    return Conditioning{all.context.narrow(0, begin, count), all.pooled.narrow(0, begin, count),
                        all.time_ids.narrow(0, begin, count), all.zero_context};
  };
  Conditions part{rows(unconditional), rows(conditional)};
  for (const OwnConditioning& model : own)
    part.own.push_back({model.model, rows(model.unconditional), rows(model.conditional)});
  return part;
}

Conditioner::Conditioner(const SdxlModel& model, Options options)
    : model_(model), options_(std::move(options)) {
  if (!options_.warn) options_.warn = [](const std::string&) {};
  if (!model.config.force_zeros_for_empty_prompt || !options_.negative_prompt.empty())
    negative_ids_ = Tokenize(model_, {options_.negative_prompt}, options_.warn);
}

absl::StatusOr<Conditions> Conditioner::Encoded(const SdxlTextEncoders& encoders,
                                                const PromptIds& ids) const {
  auto conditional = EncodePrompts(encoders, ids, options_.size, options_.size, options_.pieces);
  if (!conditional.ok()) return conditional.status();
  auto unconditional = EncodeUnconditional(encoders, negative_ids_, *conditional, options_.pieces);
  if (!unconditional.ok()) return unconditional.status();
  return Conditions{*std::move(unconditional), *std::move(conditional)};
}

absl::StatusOr<Conditions> Conditioner::operator()(const std::vector<std::string>& captions) const {
  const at::NoGradGuard no_grad;
  const IdleWeights::Use encoders(model_.idle_text_encoders.get());
  const PromptIds ids = Tokenize(model_, captions, options_.warn);
  auto conditions = Encoded(model_.text_encoders, ids);
  if (!conditions.ok()) return conditions;
  for (size_t i = 0; i < model_.tuned.size(); ++i) {
    if (!model_.tuned[i].text_encoders) continue;
    auto tuned = Encoded(*model_.tuned[i].text_encoders, ids);
    if (!tuned.ok()) return tuned.status();
    conditions->own.push_back({kTunedNetwork + static_cast<int>(i), std::move(tuned->unconditional),
                               std::move(tuned->conditional)});
  }
  return conditions;
}

}  // namespace draftp
