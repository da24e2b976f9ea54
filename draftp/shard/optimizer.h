// AdamW over named parameters with gradient accumulation, clipping by global norm and an
// exponential moving average.
#ifndef DRAFTP_SHARD_OPTIMIZER_H_
#define DRAFTP_SHARD_OPTIMIZER_H_

#include <ATen/core/Tensor.h>
#include <absl/status/status.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "draftp/objective/gradient_sink.h"
#include "draftp/shard/parameter.h"

namespace draftp {

struct OptimizerOptions {
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.0;        // decoupled
  double gradient_clip_val = 10.0;  // global norm; 0: no clipping
  double ema_decay = 0.0;           // 0: no moving average
};

// Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019, by LibTorch's fused kernel.
// State and arithmetic are the parameters' own precision (float32).
//   for (micro batch) step.Run(..., /*share=*/1.0 / micro_batches, optimizer);  // it is a sink
//   at::Tensor norm = optimizer.GradientNorm();   // before clipping
//   optimizer.Step(rate, norm);                   // or DropGradients() to skip the step
class Optimizer {
 public:
  Optimizer(Parameters parameters, const OptimizerOptions& options);

  // A GradientSink: gradients of the leaves of parameters first, first + 1, ..., undefined ones
  // being zero, are added up in the parameters' precision.
  void Add(size_t first, std::vector<at::Tensor> gradients);
  void Finish() {}
  void DropGradients() { gradients_.clear(); }

  // The global 2-norm of what was added, a float64 scalar on the parameters' device.
  at::Tensor GradientNorm() const;

  // Clips by `norm`, that of GradientNorm() (torch.nn.utils.clip_grad_norm_: times
  // min(1, clip / (norm + 1e-6))), updates parameters, moments and moving average, and drops the
  // gradients.
  void Step(double learning_rate, const at::Tensor& norm);

  int64_t steps() const { return steps_; }
  const Parameters& parameters() const { return parameters_; }
  // The moving averages, as `parameters`; empty without --ema_decay.
  std::map<std::string, at::Tensor> AveragedValues() const;

  // Everything that the next Step depends on besides the parameters: NAME.exp_avg, NAME.exp_avg_sq,
  // NAME.ema. Tensors are the optimiser's own.
  std::map<std::string, at::Tensor> State() const;
  // Copies a State() of the same parameters into place. The error names a tensor that is absent, of
  // another shape or dtype, or too many.
  absl::Status Restore(const std::map<std::string, at::Tensor>& state, int64_t steps);

 private:
  Parameters parameters_;
  OptimizerOptions options_;
  std::vector<at::Tensor> values_, gradients_, exp_avgs_, exp_avg_sqs_, averages_, counts_;
  int64_t steps_ = 0;
};

// OK where `state` has the State() of an optimiser of `parameters`, with moving averages or
// without; DataLoss names a tensor that is absent, of another shape or dtype, or too many.
absl::Status CheckState(const Parameters& parameters, bool averaged,
                        const std::map<std::string, at::Tensor>& state);

static_assert(GradientSink<Optimizer>, "Optimizer does not satisfy GradientSink");

}  // namespace draftp

#endif  // DRAFTP_SHARD_OPTIMIZER_H_
