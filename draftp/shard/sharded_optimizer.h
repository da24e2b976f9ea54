// Every rank has all parameters and its part of the optimiser (ZeRO-1).
#ifndef DRAFTP_SHARD_SHARDED_OPTIMIZER_H_
#define DRAFTP_SHARD_SHARDED_OPTIMIZER_H_

#include <ATen/core/Tensor.h>
#include <absl/status/status.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "draftp/shard/gradient_buckets.h"
#include "draftp/shard/optimizer.h"
#include "draftp/shard/sharding_policy.h"
#include "draftp/shard/world.h"

namespace draftp {

// Gradients are summed so that each rank has the sum of its 1/ranks of every bucket, it updates
// these values by moments and moving averages that it alone has, and all gather the values
// (Rajbhandari et al., "ZeRO", arXiv 1910.02054, P_os). As fast as Replicated on fast links, for
// both move as much; moments and moving averages take 1/ranks of the memory.
class ShardedOptimizer {
 public:
  static constexpr std::string_view kName = "sharded_optimizer";

  explicit ShardedOptimizer(const ShardingArguments& arguments);
  static ShardedOptimizer Make(const ShardingArguments& arguments) {
    return ShardedOptimizer(arguments);
  }

  void Begin(int64_t micro_batches);
  void Add(size_t first, std::vector<at::Tensor> gradients);
  void Finish();
  void DropGradients();
  at::Tensor GradientNorm();
  void Step(double learning_rate, const at::Tensor& norm);

  int64_t steps() const { return optimizer_.steps(); }
  std::map<std::string, at::Tensor> State() { return Whole(optimizer_.State()); }
  std::map<std::string, at::Tensor> AveragedValues();
  absl::Status Restore(const std::map<std::string, at::Tensor>& state, int64_t steps);

 private:
  // This rank's part of a bucket's tensor.
  at::Tensor Part(const at::Tensor& flat) const;
  void ReduceReady(bool all);
  // Tensors of this rank's parts, "BUCKET" or "BUCKET.kind", gathered and taken apart to
  // parameters, "NAME" or "NAME.kind": on rank 0, empty on the others.
  std::map<std::string, at::Tensor> Whole(const std::map<std::string, at::Tensor>& parts);

  World* world_;
  Parameters parameters_;
  std::vector<at::Tensor> values_;
  GradientBuckets buckets_;
  std::vector<at::Tensor> own_;  // gradients of this rank's parts
  Optimizer optimizer_;          // of this rank's parts of the values, a parameter a bucket
  std::vector<size_t> arrived_;
  std::vector<Pending> pending_;
  int64_t left_ = 0;
};

static_assert(ShardingPolicy<ShardedOptimizer>, "ShardedOptimizer does not satisfy ShardingPolicy");

}  // namespace draftp

#endif  // DRAFTP_SHARD_SHARDED_OPTIMIZER_H_
