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

#include "draftp/shard/bucket_window.h"
#include "draftp/shard/gradient_buckets.h"
#include "draftp/shard/optimizer.h"
#include "draftp/shard/sharding_policy.h"
#include "draftp/shard/world.h"

namespace draftp {

// Data parallel: one reduction an accumulation window, a bucket as soon as the backward pass of its
// last micro batch has all of it. One process alone adds to its optimiser directly.
class Replicated : public WholeWeights {
 public:
  static constexpr std::string_view kName = "replicated";
  static constexpr std::string_view kOriginal = "false";  // model.fsdp

  explicit Replicated(const ShardingArguments& arguments);
  static Replicated Make(const ShardingArguments& arguments) { return Replicated(arguments); }

  static ShardingMemory Memory(const ShardingArguments& arguments, int ranks,
                               int64_t micro_batches);

  void Begin(int64_t micro_batches);
  void Add(size_t first, std::vector<at::Tensor> gradients);
  void Finish();
  void DropGradients();
  at::Tensor GradientNorm();
  void Step(double learning_rate, const at::Tensor& norm) { optimizer_.Step(learning_rate, norm); }

  int64_t steps() const { return optimizer_.steps(); }
  std::map<std::string, at::Tensor> Values();
  std::map<std::string, at::Tensor> State();
  std::map<std::string, at::Tensor> AveragedValues();
  absl::Status Restore(const std::map<std::string, at::Tensor>& values,
                       const std::map<std::string, at::Tensor>& state, int64_t steps);

 private:
  Pending Reduce(const GradientBuckets::Bucket& bucket);
  void SumInOrder();

  World* world_;
  Optimizer optimizer_;
  std::optional<BucketWindow> sums_;       // absent in a process alone
  std::optional<GradientBuckets> sample_;  // `ordered`: of one sample
};

static_assert(NamedShardingPolicy<Replicated>, "Replicated does not satisfy NamedShardingPolicy");

}  // namespace draftp

#endif  // DRAFTP_SHARD_REPLICATED_H_
