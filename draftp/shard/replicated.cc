#include "draftp/shard/replicated.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <utility>

namespace draftp {
namespace {

constexpr char kGradients[] = "the sum of gradients";

}  // namespace

Replicated::Replicated(const ShardingArguments& arguments)
    : world_(arguments.world), optimizer_(arguments.parameters, arguments.optimizer) {
  if (world_->size() == 1) return;
  std::vector<at::Tensor> values;
  for (const Parameter& parameter : optimizer_.parameters())
    values.push_back(parameter.value.detach());
  sums_.emplace(values, world_->size(), arguments.bucket_bytes);
  if (arguments.ordered) sample_.emplace(values, world_->size(), arguments.bucket_bytes);
}

void Replicated::Begin(int64_t micro_batches) {
  left_ = micro_batches;
  if (!sums_) return;
  sums_->Zero();
  pending_.clear();
  arrived_.assign(sums_->buckets().size(), 0);
}

void Replicated::Add(size_t first, std::vector<at::Tensor> gradients) {
  if (!sums_) return optimizer_.Add(first, std::move(gradients));
  TORCH_CHECK(left_ > 0, "a gradient comes after the window's last micro batch");
  (sample_ ? *sample_ : *sums_).Add(first, gradients);
  for (size_t i = 0; i < gradients.size(); ++i) ++arrived_[sums_->BucketOf(first + i)];
  if (left_ == 1 && !sample_) ReduceReady(/*all=*/false);
}

void Replicated::Finish() {
  --left_;
  if (!sums_) return optimizer_.Finish();
  if (sample_) return SumInOrder();
  if (left_ == 0) ReduceReady(/*all=*/true);
  arrived_.assign(arrived_.size(), 0);
}

// In the buckets' order, which is the same on all ranks, whatever order gradients come in.
void Replicated::ReduceReady(bool all) {
  const auto& buckets = sums_->buckets();
  for (size_t b = pending_.size(); b < buckets.size(); ++b) {
    if (!all && arrived_[b] < buckets[b].count) return;
    pending_.push_back(world_->SumLater(kGradients, buckets[b].flat));
  }
}

void Replicated::SumInOrder() {
  const at::NoGradGuard no_grad;
  for (size_t b = 0; b < sums_->buckets().size(); ++b) {
    const at::Tensor& own = sample_->buckets()[b].flat;
    const at::Tensor all = at::empty({world_->size(), own.size(0)}, own.options());
    world_->Gather(kGradients, all, own);
    for (int rank = 0; rank < world_->size(); ++rank) sums_->buckets()[b].flat.add_(all[rank]);
  }
  sample_->Zero();
}

void Replicated::DropGradients() {
  for (Pending& pending : pending_) pending.Wait();
  pending_.clear();
  optimizer_.DropGradients();
}

at::Tensor Replicated::GradientNorm() {
  for (Pending& pending : pending_) pending.Wait();
  pending_.clear();
  if (sums_) optimizer_.Add(0, sums_->Views());
  return optimizer_.GradientNorm();
}

std::map<std::string, at::Tensor> Replicated::State() {
  return world_->first() ? optimizer_.State() : std::map<std::string, at::Tensor>();
}

std::map<std::string, at::Tensor> Replicated::AveragedValues() {
  return world_->first() ? optimizer_.AveragedValues() : std::map<std::string, at::Tensor>();
}

}  // namespace draftp
