// The concept ShardingPolicy: how the ranks of a run share out gradients, optimiser state and
// parameters.
#ifndef DRAFTP_SHARD_SHARDING_POLICY_H_
#define DRAFTP_SHARD_SHARDING_POLICY_H_

#include <ATen/core/Tensor.h>
#include <absl/status/status.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "draftp/objective/gradient_sink.h"
#include "draftp/sampling/piece_policy.h"
#include "draftp/shard/gradient_buckets.h"
#include "draftp/shard/optimizer.h"
#include "draftp/shard/parameter.h"
#include "draftp/shard/sharding_memory.h"
#include "draftp/shard/world.h"

namespace draftp {

// What a policy is made of. `world` must outlive it.
struct ShardingArguments {
  Parameters parameters;
  // What is read by one piece of a network at a time (piece_policy.h): trained parameters, by their
  // indices, and weights that aren't trained, of this network and of others. Each block has one
  // dtype; all are on one device.
  std::vector<std::vector<size_t>> blocks = {};
  std::vector<std::vector<at::Tensor>> frozen_blocks = {};
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
// A policy that P::kOptions says takes `blocks` has its word in how pieces run:
//   p.Pieces(recompute) the policy of the trained network's pieces and of frozen_blocks'. Where
//                    their weights don't stay, nothing else reads them, the gradients of `blocks`
//                    come to p from the backward pass itself, and a micro batch ends with
//   p.Settle()       after its backward pass: what is under way has come
//   p.Recorded()     after runs that recorded a CUDA graph, each with its Settle(): their gradients
//                    count for nothing, and from here on a replay is what writes them
// and
//   p.steps()         steps done
//   p.Values()        the parameters whole, by name
//   p.State()         what the next Step depends on besides, whole, as Optimizer::State() of one
//                     process. So a checkpoint knows no world.
//   p.AveragedValues() the moving averages by parameter, likewise
//                     All three: on rank 0, on the CPU or the parameters' device; empty on others.
//   p.Restore(v, s, n) takes its part of such Values() and State(), after n steps
template <class P>
concept ShardingPolicy =
    GradientSink<P> && requires(P& p, const P& c, int64_t n, const at::Tensor& norm, double rate,
                                const std::map<std::string, at::Tensor>& tensors) {
      { P::kName } -> std::convertible_to<std::string_view>;
      { p.Begin(n) } -> std::same_as<void>;
      { p.DropGradients() } -> std::same_as<void>;
      { p.GradientNorm() } -> std::same_as<at::Tensor>;
      { p.Step(rate, norm) } -> std::same_as<void>;
      { c.Pieces(true) } -> std::same_as<AnyPiecePolicy>;
      { p.Settle() } -> std::same_as<void>;
      { p.Recorded() } -> std::same_as<void>;
      { c.steps() } -> std::same_as<int64_t>;
      { p.Values() } -> std::same_as<std::map<std::string, at::Tensor>>;
      { p.State() } -> std::same_as<std::map<std::string, at::Tensor>>;
      { p.AveragedValues() } -> std::same_as<std::map<std::string, at::Tensor>>;
      { p.Restore(tensors, tensors, n) } -> std::same_as<absl::Status>;
    };

// A policy that is chosen by name also tells, without a world, what each of so many ranks will hold
// by such arguments, with m micro batches a step:
//   P::Memory(arguments, ranks, m)
template <class P>
concept NamedShardingPolicy =
    ShardingPolicy<P> && requires(const ShardingArguments& arguments, int ranks, int64_t n) {
      { P::Memory(arguments, ranks, n) } -> std::same_as<ShardingMemory>;
    };

// What a policy says whose ranks have all weights whole.
struct WholeWeights {
  static AnyPiecePolicy Pieces(bool recompute) { return RecomputeIf(recompute); }
  static void Settle() {}
  static void Recorded() {}
};

}  // namespace draftp

#endif  // DRAFTP_SHARD_SHARDING_POLICY_H_
