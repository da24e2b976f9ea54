#include "draftp/shard/replicated.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>

namespace draftp {
namespace {

constexpr char kGradients[] = "the sum of gradients";

}  // namespace

Replicated::Replicated(const ShardingArguments& arguments)
    : world_(arguments.world), optimizer_(arguments.parameters, arguments.optimizer) {
  if (world_->size() == 1) return;
  const std::vector<at::Tensor> values = ValuesOf(optimizer_.parameters());
  sums_.emplace(GradientBuckets(values, world_->size(), arguments.bucket_bytes));
  if (arguments.ordered) sample_.emplace(values, world_->size(), arguments.bucket_bytes);
}

ShardingMemory Replicated::Memory(const ShardingArguments& arguments, int ranks,
                                  int64_t micro_batches) {
  const int64_t values = FlatPartBytes(ValuesOf(arguments.parameters), 1);
  ShardingMemory memory{.gradients = values,
                        .sums = ranks > 1 || micro_batches > 1 ? values : 0,
                        .moments = 2 * values,
                        .average = arguments.optimizer.ema_decay > 0 ? values : 0};
  if (ranks > 1 && arguments.ordered)
    memory.sums += values + ranks * std::min(arguments.bucket_bytes, values);
  return memory;
}

Pending Replicated::Reduce(const GradientBuckets::Bucket& bucket) {
  return world_->SumLater(kGradients, bucket.flat);
}

void Replicated::Begin(int64_t micro_batches) {
  if (sums_) sums_->Begin(micro_batches);
}

void Replicated::Add(size_t first, std::vector<at::Tensor> gradients) {
  if (!sums_) return optimizer_.Add(first, std::move(gradients));
  if (sample_) return sample_->Add(first, gradients);
  sums_->Add(first, gradients, [this](size_t, const auto& bucket) { return Reduce(bucket); });
}

void Replicated::Finish() {
  if (!sums_) return optimizer_.Finish();
  if (sample_) return SumInOrder();
  sums_->Finish([this](size_t, const auto& bucket) { return Reduce(bucket); });
}

void Replicated::SumInOrder() {
  const at::NoGradGuard no_grad;
  const auto& sums = sums_->buckets().buckets();
  for (size_t b = 0; b < sums.size(); ++b) {
    const at::Tensor& own = sample_->buckets()[b].flat;
    const at::Tensor all = at::empty({world_->size(), own.size(0)}, own.options());
    world_->Gather(kGradients, all, own);
    for (int rank = 0; rank < world_->size(); ++rank) sums[b].flat.add_(all[rank]);
  }
  sample_->Zero();
}

void Replicated::DropGradients() {
  if (sums_) sums_->Wait();
  optimizer_.DropGradients();
}

at::Tensor Replicated::GradientNorm() {
  if (sums_) {
    sums_->Wait();
    optimizer_.Add(0, sums_->buckets().Views());
  }
  return optimizer_.GradientNorm();
}

std::map<std::string, at::Tensor> Replicated::Values() {
  std::map<std::string, at::Tensor> values;
  if (!world_->first()) return values;
  for (const Parameter& parameter : optimizer_.parameters())
    values[parameter.name] = parameter.value.detach();
  return values;
}

std::map<std::string, at::Tensor> Replicated::State() {
  return world_->first() ? optimizer_.State() : std::map<std::string, at::Tensor>();
}

std::map<std::string, at::Tensor> Replicated::AveragedValues() {
  return world_->first() ? optimizer_.AveragedValues() : std::map<std::string, at::Tensor>();
}

absl::Status Replicated::Restore(const std::map<std::string, at::Tensor>& values,
                                 const std::map<std::string, at::Tensor>& state, int64_t steps) {
  SetValues(optimizer_.parameters(), values);
  return optimizer_.Restore(state, steps);
}

}  // namespace draftp
