// A sharding policy chosen by name.
#ifndef DRAFTP_SHARD_ANY_SHARDING_POLICY_H_
#define DRAFTP_SHARD_ANY_SHARDING_POLICY_H_

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "draftp/schedule/registry.h"
#include "draftp/shard/fully_sharded.h"
#include "draftp/shard/replicated.h"
#include "draftp/shard/sharded_optimizer.h"
#include "draftp/shard/sharding_policy.h"

namespace draftp {

class AnyShardingPolicy {
 public:
  static constexpr std::string_view kName = "any";
  using Member = std::variant<Replicated, ShardedOptimizer, FullySharded>;

  explicit AnyShardingPolicy(Member policy) : policy_(std::move(policy)) {}

  void Begin(int64_t micro_batches) {
    std::visit([&](auto& p) { p.Begin(micro_batches); }, policy_);
  }
  void Add(size_t first, std::vector<at::Tensor> gradients) {
    std::visit([&](auto& p) { p.Add(first, std::move(gradients)); }, policy_);
  }
  void Finish() {
    std::visit([](auto& p) { p.Finish(); }, policy_);
  }
  void DropGradients() {
    std::visit([](auto& p) { p.DropGradients(); }, policy_);
  }
  at::Tensor GradientNorm() {
    return std::visit([](auto& p) { return p.GradientNorm(); }, policy_);
  }
  void Step(double learning_rate, const at::Tensor& norm) {
    std::visit([&](auto& p) { p.Step(learning_rate, norm); }, policy_);
  }
  AnyPiecePolicy Pieces(bool recompute) const {
    return std::visit([&](const auto& p) { return p.Pieces(recompute); }, policy_);
  }
  void Settle() {
    std::visit([](auto& p) { p.Settle(); }, policy_);
  }
  void Recorded() {
    std::visit([](auto& p) { p.Recorded(); }, policy_);
  }
  int64_t steps() const {
    return std::visit([](const auto& p) { return p.steps(); }, policy_);
  }
  std::map<std::string, at::Tensor> Values() {
    return std::visit([](auto& p) { return p.Values(); }, policy_);
  }
  std::map<std::string, at::Tensor> State() {
    return std::visit([](auto& p) { return p.State(); }, policy_);
  }
  std::map<std::string, at::Tensor> AveragedValues() {
    return std::visit([](auto& p) { return p.AveragedValues(); }, policy_);
  }
  absl::Status Restore(const std::map<std::string, at::Tensor>& values,
                       const std::map<std::string, at::Tensor>& state, int64_t steps) {
    return std::visit([&](auto& p) { return p.Restore(values, state, steps); }, policy_);
  }

 private:
  Member policy_;
};

static_assert(ShardingPolicy<AnyShardingPolicy>, "AnyShardingPolicy is a ShardingPolicy");

// P::Memory(...) of the policy of that name, one of the members.
inline ShardingMemory ShardingMemoryOf(std::string_view name, const ShardingArguments& arguments,
                                       int ranks, int64_t micro_batches) {
  ShardingMemory memory;
  const auto ask = [&]<class... P>(const std::variant<P...>*) {
    const auto one = [&]<class M>(const M*) {
      if (M::kName == name) memory = M::Memory(arguments, ranks, micro_batches);
    };
    (one(static_cast<const P*>(nullptr)), ...);
  };
  ask(static_cast<const AnyShardingPolicy::Member*>(nullptr));
  return memory;
}

// All members, by the names that --sharding takes. One that takes `blocks` shards the weights
// themselves; `original` is the original's model.fsdp.
inline constexpr Registry kShardingPolicies(
    Alternatives<AnyShardingPolicy::Member, ShardingArguments>::kMembers);

}  // namespace draftp

#endif  // DRAFTP_SHARD_ANY_SHARDING_POLICY_H_
