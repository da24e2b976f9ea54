#include "draftp/shard/sharded_optimizer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <utility>

namespace draftp {
namespace {

constexpr char kGradients[] = "the sum of gradients";

std::vector<std::vector<size_t>> BucketGroups(const GradientBuckets& buckets) {
  std::vector<std::vector<size_t>> groups;
  for (const GradientBuckets::Bucket& bucket : buckets.buckets()) {
    std::vector<size_t>& group = groups.emplace_back();
    for (size_t i = 0; i < bucket.count; ++i) group.push_back(bucket.first + i);
  }
  return groups;
}

}  // namespace

ShardedOptimizer::ShardedOptimizer(const ShardingArguments& arguments)
    : world_(arguments.world),
      ordered_(arguments.ordered),
      parameters_(arguments.parameters),
      window_(GradientBuckets(ValuesOf(parameters_), world_->size(), arguments.bucket_bytes)),
      parts_(world_, parameters_, BucketGroups(window_.buckets()), arguments.optimizer) {
  for (size_t g = 0; g < parts_.groups(); ++g) own_.push_back(at::zeros_like(parts_.value(g)));
}

ShardingMemory ShardedOptimizer::Memory(const ShardingArguments& arguments, int ranks,
                                        int64_t /*micro_batches*/) {
  const std::vector<at::Tensor> values = ValuesOf(arguments.parameters);
  const int64_t whole = FlatPartBytes(values, 1), part = FlatPartBytes(values, ranks);
  ShardingMemory memory{.parts = part,
                        .gradients = whole,
                        .sums = whole + part,
                        .moments = 2 * part,
                        .average = arguments.optimizer.ema_decay > 0 ? part : 0};
  if (arguments.ordered) memory.sums += std::min(arguments.bucket_bytes, whole);
  return memory;
}

Pending ShardedOptimizer::Reduce(size_t b, const GradientBuckets::Bucket& bucket) {
  return world_->SumScatterLater(kGradients, own_[b], bucket.flat);
}

void ShardedOptimizer::Begin(int64_t micro_batches) {
  window_.Begin(micro_batches);
  if (!ordered_) return;
  for (at::Tensor& own : own_) own.zero_();
}

void ShardedOptimizer::Add(size_t first, std::vector<at::Tensor> gradients) {
  if (ordered_) return window_.buckets().Add(first, gradients);
  window_.Add(first, gradients, [this](size_t b, const auto& bucket) { return Reduce(b, bucket); });
}

void ShardedOptimizer::Finish() {
  if (ordered_) return SumInOrder();
  window_.Finish([this](size_t b, const auto& bucket) { return Reduce(b, bucket); });
}

void ShardedOptimizer::SumInOrder() {
  const at::NoGradGuard no_grad;
  const auto& samples = window_.buckets().buckets();
  for (size_t b = 0; b < samples.size(); ++b) {
    const at::Tensor by_rank =
        at::empty({world_->size(), own_[b].size(0)}, samples[b].flat.options());
    world_->ExchangeLater(kGradients, by_rank, samples[b].flat).Wait();
    for (int rank = 0; rank < world_->size(); ++rank) own_[b].add_(by_rank[rank]);
  }
  window_.buckets().Zero();
}

at::Tensor ShardedOptimizer::GradientNorm() {
  window_.Wait();
  return parts_.SquaredNorm(own_).sqrt();
}

void ShardedOptimizer::Step(double learning_rate, const at::Tensor& norm) {
  parts_.Step(learning_rate, norm, own_);
  const at::NoGradGuard no_grad;
  std::vector<Pending> gathered;
  const auto& buckets = window_.buckets().buckets();
  for (size_t b = 0; b < buckets.size(); ++b) {
    gathered.push_back(
        world_->GatherLater("the update of parameters", buckets[b].flat, parts_.value(b)));
  }
  for (size_t b = 0; b < buckets.size(); ++b) {
    gathered[b].Wait();
    std::vector<at::Tensor> values;
    for (const size_t p : parts_.group(b)) values.push_back(parameters_[p].value.detach());
    at::_foreach_copy_(values, buckets[b].views);
  }
  RefreshLeaves(parameters_);
}

NamedTensors ShardedOptimizer::Values() {
  NamedTensors values;
  if (!world_->first()) return values;
  for (const Parameter& parameter : parameters_) values[parameter.name] = parameter.value.detach();
  return values;
}

absl::Status ShardedOptimizer::Restore(const NamedTensors& values, const NamedTensors& state,
                                       int64_t steps) {
  SetValues(parameters_, values);
  return parts_.Restore(values, state, steps);
}

}  // namespace draftp
