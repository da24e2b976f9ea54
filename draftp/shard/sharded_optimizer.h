// Every rank has all parameters and its part of the optimiser (ZeRO-1).
#ifndef DRAFTP_SHARD_SHARDED_OPTIMIZER_H_
#define DRAFTP_SHARD_SHARDED_OPTIMIZER_H_

#include <ATen/core/Tensor.h>
#include <absl/status/status.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "draftp/shard/bucket_window.h"
#include "draftp/shard/gradient_buckets.h"
#include "draftp/shard/optimizer_parts.h"
#include "draftp/shard/sharding_policy.h"
#include "draftp/shard/world.h"

namespace draftp {

// Gradients are summed so that each rank has the sum of its 1/ranks of every bucket, it updates
// these values by moments and moving averages that it alone has, and all gather the values
// (Rajbhandari et al., "ZeRO", arXiv 1910.02054, P_os). As fast as Replicated on fast links, for
// both move as much; moments and moving averages take 1/ranks of the memory.
class ShardedOptimizer : public WholeWeights {
 public:
  static constexpr std::string_view kName = "sharded_optimizer";

  explicit ShardedOptimizer(const ShardingArguments& arguments);
  static ShardedOptimizer Make(const ShardingArguments& arguments) {
    return ShardedOptimizer(arguments);
  }

  static ShardingMemory Memory(const ShardingArguments& arguments, int ranks,
                               int64_t micro_batches);

  void Begin(int64_t micro_batches);
  void Add(size_t first, std::vector<at::Tensor> gradients);
  void Finish();
  void DropGradients() { window_.Wait(); }
  at::Tensor GradientNorm();
  void Step(double learning_rate, const at::Tensor& norm);

  int64_t steps() const { return parts_.steps(); }
  NamedTensors Values();
  NamedTensors State() { return parts_.State(); }
  NamedTensors AveragedValues() { return parts_.AveragedValues(); }
  absl::Status Restore(const NamedTensors& values, const NamedTensors& state, int64_t steps);

 private:
  Pending Reduce(size_t b, const GradientBuckets::Bucket& bucket);
  void SumInOrder();

  World* world_;
  bool ordered_;
  Parameters parameters_;
  BucketWindow window_;          // `ordered`: of one sample
  OptimizerParts parts_;         // a group a bucket
  std::vector<at::Tensor> own_;  // gradients of this rank's parts
};

static_assert(NamedShardingPolicy<ShardedOptimizer>,
              "ShardedOptimizer does not satisfy NamedShardingPolicy");

}  // namespace draftp

#endif  // DRAFTP_SHARD_SHARDED_OPTIMIZER_H_
