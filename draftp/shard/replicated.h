// Every rank has all parameters and the whole optimiser; gradients are summed.
#ifndef DRAFTP_SHARD_REPLICATED_H_
#define DRAFTP_SHARD_REPLICATED_H_

#include <ATen/core/Tensor.h>
#include <absl/status/status.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "draftp/shard/gradient_buckets.h"
#include "draftp/shard/optimizer.h"
#include "draftp/shard/sharding_policy.h"
#include "draftp/shard/world.h"

namespace draftp {

// Data parallel: one reduction an accumulation window, a bucket as soon as the backward pass of its
// last micro batch has all of it. One process alone adds to its optimiser directly.
class Replicated {
 public:
  static constexpr std::string_view kName = "replicated";

  explicit Replicated(const ShardingArguments& arguments);
  static Replicated Make(const ShardingArguments& arguments) { return Replicated(arguments); }

  void Begin(int64_t micro_batches);
  void Add(size_t first, std::vector<at::Tensor> gradients);
  void Finish();
  void DropGradients();
  at::Tensor GradientNorm();
  void Step(double learning_rate, const at::Tensor& norm) { optimizer_.Step(learning_rate, norm); }

  int64_t steps() const { return optimizer_.steps(); }
  std::map<std::string, at::Tensor> State();
  std::map<std::string, at::Tensor> AveragedValues();
  absl::Status Restore(const std::map<std::string, at::Tensor>& state, int64_t steps) {
    return optimizer_.Restore(state, steps);
  }

 private:
  void ReduceReady(bool all);
  void SumInOrder();

  World* world_;
  Optimizer optimizer_;
  std::optional<GradientBuckets> sums_;    // of the window; absent in a process alone
  std::optional<GradientBuckets> sample_;  // `ordered`: of one sample
  std::vector<size_t> arrived_;            // parameters of each bucket, in this micro batch
  std::vector<Pending> pending_;           // of the buckets, in their order
  int64_t left_ = 0;                       // micro batches
};

static_assert(ShardingPolicy<Replicated>, "Replicated does not satisfy ShardingPolicy");

}  // namespace draftp

#endif  // DRAFTP_SHARD_REPLICATED_H_
