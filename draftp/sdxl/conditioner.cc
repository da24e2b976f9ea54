#include "draftp/sdxl/conditioner.h"

#include <ATen/core/grad_mode.h>

#include <utility>

namespace draftp {

Conditions Conditions::Rows(int64_t begin, int64_t count) const {
  const auto rows = [begin, count](const Conditioning& all) {
    return Conditioning{all.context.narrow(0, begin, count), all.pooled.narrow(0, begin, count),
                        all.time_ids.narrow(0, begin, count)};
  };
  return {rows(unconditional), rows(conditional)};
}

Conditioner::Conditioner(const SdxlModel& model, Options options)
    : model_(model), options_(std::move(options)) {
  if (!options_.warn) options_.warn = [](const std::string&) {};
  if (!model.config.force_zeros_for_empty_prompt || !options_.negative_prompt.empty())
    negative_ids_ = Tokenize(model_, {options_.negative_prompt}, options_.warn);
}

absl::StatusOr<Conditions> Conditioner::operator()(const std::vector<std::string>& captions) const {
  const at::NoGradGuard no_grad;
  auto conditional = EncodePrompts(model_.text_encoders, Tokenize(model_, captions, options_.warn),
                                   options_.size, options_.size);
  if (!conditional.ok()) return conditional.status();
  auto unconditional = EncodeUnconditional(model_.text_encoders, negative_ids_, *conditional);
  if (!unconditional.ok()) return unconditional.status();
  return Conditions{*std::move(unconditional), *std::move(conditional)};
}

}  // namespace draftp
