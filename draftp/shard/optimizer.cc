#include "draftp/shard/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <utility>

namespace draftp {
namespace {

// In the value's precision and memory format, for the fused kernel goes through both as they lie.
at::Tensor AsIts(const at::Tensor& value, const at::Tensor& gradient) {
  if (gradient.scalar_type() == value.scalar_type() && gradient.strides() == value.strides())
    return gradient;
  return at::empty_like(value).copy_(gradient);
}

}  // namespace

Optimizer::Optimizer(Parameters parameters, const OptimizerOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  TORCH_CHECK(!parameters_.empty(), "an optimiser needs parameters");
  const at::NoGradGuard no_grad;
  for (const Parameter& parameter : parameters_) {
    const at::Tensor value = parameter.value.detach();
    values_.push_back(value);
    exp_avgs_.push_back(at::zeros_like(value));
    exp_avg_sqs_.push_back(at::zeros_like(value));
    if (options_.ema_decay > 0) averages_.push_back(value.clone());
    counts_.push_back(at::full({}, 0.0, value.options().dtype(at::kFloat)));
  }
}

void Optimizer::Add(size_t first, std::vector<at::Tensor> gradients) {
  TORCH_CHECK(first + gradients.size() <= values_.size(), "gradients of parameters ", first, " to ",
              first + gradients.size(), " of ", values_.size());
  const at::NoGradGuard no_grad;
  const bool whole = gradients.size() == values_.size();
  if (gradients_.empty() && !whole) {
    for (const at::Tensor& value : values_) gradients_.push_back(at::zeros_like(value));
  }
  if (gradients_.empty()) {
    for (size_t i = 0; i < gradients.size(); ++i) {
      const at::Tensor& value = values_[first + i];
      gradients[i] = gradients[i].defined() ? AsIts(value, gradients[i]) : at::zeros_like(value);
    }
    gradients_ = std::move(gradients);
    return;
  }
  // A few at a time: what is converted takes no more memory than these.
  constexpr size_t kAtOnce = 32;
  for (size_t begin = 0; begin < gradients.size(); begin += kAtOnce) {
    std::vector<at::Tensor> sums, terms;
    for (size_t i = begin; i < std::min(begin + kAtOnce, gradients.size()); ++i) {
      if (!gradients[i].defined()) continue;
      sums.push_back(gradients_[first + i]);
      terms.push_back(AsIts(values_[first + i], gradients[i]));
      gradients[i].reset();
    }
    if (!sums.empty()) at::_foreach_add_(sums, terms);
  }
}

at::Tensor Optimizer::GradientNorm() const {
  TORCH_CHECK(!gradients_.empty(), "GradientNorm() comes after Add()");
  return at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients_, 2)).to(at::kDouble));
}

void Optimizer::Step(double learning_rate, const at::Tensor& norm) {
  TORCH_CHECK(!gradients_.empty(), "Step() comes after Add()");
  const at::NoGradGuard no_grad;
  if (options_.gradient_clip_val > 0) {
    const at::Tensor factor = (options_.gradient_clip_val / (norm + 1e-6)).clamp_max(1.0);
    at::_foreach_mul_(gradients_, factor.to(gradients_[0].scalar_type()));
  }
  ++steps_;
  for (at::Tensor& count : counts_) count.fill_(static_cast<double>(steps_));
  at::_fused_adamw_(values_, gradients_, exp_avgs_, exp_avg_sqs_, /*max_exp_avg_sqs=*/{}, counts_,
                    learning_rate, options_.beta1, options_.beta2, options_.weight_decay,
                    options_.eps, /*amsgrad=*/false, /*maximize=*/false);
  if (options_.ema_decay > 0) at::_foreach_lerp_(averages_, values_, 1.0 - options_.ema_decay);
  gradients_.clear();
  RefreshLeaves(parameters_);
}

std::map<std::string, at::Tensor> Optimizer::AveragedValues() const {
  std::map<std::string, at::Tensor> averages;
  for (size_t i = 0; i < averages_.size(); ++i) averages[parameters_[i].name] = averages_[i];
  return averages;
}

std::map<std::string, at::Tensor> Optimizer::State() const {
  std::map<std::string, at::Tensor> state;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    state[parameters_[i].name + ".exp_avg"] = exp_avgs_[i];
    state[parameters_[i].name + ".exp_avg_sq"] = exp_avg_sqs_[i];
    if (!averages_.empty()) state[parameters_[i].name + ".ema"] = averages_[i];
  }
  return state;
}

absl::Status CheckState(const Parameters& parameters, bool averaged,
                        const std::map<std::string, at::Tensor>& state) {
  std::map<std::string, at::Tensor> own;
  for (const Parameter& parameter : parameters) {
    own[parameter.name + ".exp_avg"] = own[parameter.name + ".exp_avg_sq"] = parameter.value;
    if (averaged) own[parameter.name + ".ema"] = parameter.value;
  }
  for (const auto& [name, tensor] : own) {
    const auto found = state.find(name);
    if (found == state.end()) {
      return absl::DataLossError(absl::StrCat("found no tensor ", name, ", expected it of shape [",
                                              absl::StrJoin(tensor.sizes(), ","), "]"));
    }
    if (found->second.sizes() != tensor.sizes() ||
        found->second.scalar_type() != tensor.scalar_type()) {
      return absl::DataLossError(absl::StrCat(
          name, ": found ", c10::toString(found->second.scalar_type()), " [",
          absl::StrJoin(found->second.sizes(), ","), "], expected ",
          c10::toString(tensor.scalar_type()), " [", absl::StrJoin(tensor.sizes(), ","), "]"));
    }
  }
  for (const auto& [name, tensor] : state) {
    if (!own.contains(name))
      return absl::DataLossError(absl::StrCat("found tensor ", name, ", which nothing here has"));
  }
  return absl::OkStatus();
}

absl::Status Optimizer::Restore(const std::map<std::string, at::Tensor>& state, int64_t steps) {
  if (absl::Status fits = CheckState(parameters_, !averages_.empty(), state); !fits.ok())
    return fits;
  const std::map<std::string, at::Tensor> own = State();
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : own) tensor.detach().copy_(state.at(name));
  steps_ = steps;
  return absl::OkStatus();
}

}  // namespace draftp
