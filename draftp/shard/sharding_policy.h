// The concept ShardingPolicy: how the ranks of a run share out gradients, optimiser state and
// parameters.
#ifndef DRAFTP_SHARD_SHARDING_POLICY_H_
#define DRAFTP_SHARD_SHARDING_POLICY_H_

#include <ATen/core/Tensor.h>
#include <absl/status/status.h>

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "draftp/objective/gradient_sink.h"
#include "draftp/shard/gradient_buckets.h"
#include "draftp/shard/optimizer.h"
#include "draftp/shard/parameter.h"
#include "draftp/shard/world.h"

namespace draftp {

// What a policy is made of. `world` must outlive it.
struct ShardingArguments {
  Parameters parameters;
  OptimizerOptions optimizer = {};
  World* world = nullptr;
  // Sums gradients sample by sample in the samples' order, so that every world gives the same bits:
  // a micro batch is one sample, and rank r has those r, r + ranks, ...
  bool ordered = false;
  int64_t bucket_bytes = GradientBuckets::kBytes;
};

// Between the backward pass and the parameters, as an optimiser is: all ranks call the same in the
// same order. A step is
//   p.Begin(m)       m micro batches of this rank follow; each is added as to a GradientSink, by
//                    gradients that the mean over all ranks is the sum of: share 1 / (ranks m)
//   p.GradientNorm() the global 2-norm of what all ranks added, the same on each: float64 scalar
//   p.Step(rate, norm), which clips, or p.DropGradients()
// and
//   p.steps()         steps done
//   p.State()         what the next Step depends on besides the parameters, whole and on the CPU or
//                     the parameters' device, as Optimizer::State() of one process: on rank 0; on
//                     the others empty. So a checkpoint knows no world.
//   p.Restore(s, n)   takes its part of such a State, after n steps, once the parameters are theirs
//   p.AveragedValues() the moving averages by parameter, likewise
template <class P>
concept ShardingPolicy =
    GradientSink<P> && requires(P& p, const P& c, int64_t n, const at::Tensor& norm, double rate,
                                const std::map<std::string, at::Tensor>& state) {
      { P::kName } -> std::convertible_to<std::string_view>;
      { p.Begin(n) } -> std::same_as<void>;
      { p.DropGradients() } -> std::same_as<void>;
      { p.GradientNorm() } -> std::same_as<at::Tensor>;
      { p.Step(rate, norm) } -> std::same_as<void>;
      { c.steps() } -> std::same_as<int64_t>;
      { p.State() } -> std::same_as<std::map<std::string, at::Tensor>>;
      { p.AveragedValues() } -> std::same_as<std::map<std::string, at::Tensor>>;
      { p.Restore(state, n) } -> std::same_as<absl::Status>;
    };

}  // namespace draftp

#endif  // DRAFTP_SHARD_SHARDING_POLICY_H_
