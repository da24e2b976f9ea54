#include "draftp/shard/sharded_optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <absl/strings/str_format.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace draftp {
namespace {

std::vector<at::Tensor> Values(const Parameters& parameters) {
  std::vector<at::Tensor> values;
  for (const Parameter& parameter : parameters) values.push_back(parameter.value.detach());
  return values;
}

std::string BucketName(size_t bucket) { return absl::StrFormat("%08d", bucket); }

// A rank's part of each bucket's values, copies, as parameters of an optimiser.
Parameters Parts(const GradientBuckets& buckets, const std::vector<at::Tensor>& values,
                 const World& world) {
  const at::NoGradGuard no_grad;
  Parameters parts;
  for (const GradientBuckets::Bucket& bucket : buckets.buckets()) {
    const auto begin = values.begin() + static_cast<int64_t>(bucket.first);
    const at::Tensor flat = at::empty_like(bucket.flat);
    Flatten({begin, begin + static_cast<int64_t>(bucket.count)}, flat);
    const at::Tensor part = flat.chunk(world.size())[world.rank()].clone();
    parts.push_back({BucketName(parts.size()), part, part});
  }
  return parts;
}

}  // namespace

ShardedOptimizer::ShardedOptimizer(const ShardingArguments& arguments)
    : world_(arguments.world),
      parameters_(arguments.parameters),
      values_(Values(parameters_)),
      buckets_(values_, world_->size(), arguments.bucket_bytes),
      optimizer_(Parts(buckets_, values_, *world_), arguments.optimizer),
      arrived_(buckets_.buckets().size()) {
  for (const GradientBuckets::Bucket& bucket : buckets_.buckets())
    own_.push_back(at::zeros({bucket.flat.size(0) / world_->size()}, bucket.flat.options()));
}

at::Tensor ShardedOptimizer::Part(const at::Tensor& flat) const {
  return flat.chunk(world_->size())[world_->rank()];
}

void ShardedOptimizer::Begin(int64_t micro_batches) {
  left_ = micro_batches;
  buckets_.Zero();
  pending_.clear();
  std::ranges::fill(arrived_, 0);
}

void ShardedOptimizer::Add(size_t first, std::vector<at::Tensor> gradients) {
  TORCH_CHECK(left_ > 0, "a gradient comes after the window's last micro batch");
  buckets_.Add(first, gradients);
  for (size_t i = 0; i < gradients.size(); ++i) ++arrived_[buckets_.BucketOf(first + i)];
  if (left_ == 1) ReduceReady(/*all=*/false);
}

void ShardedOptimizer::Finish() {
  if (--left_ == 0) ReduceReady(/*all=*/true);
  std::ranges::fill(arrived_, 0);
}

void ShardedOptimizer::ReduceReady(bool all) {
  const auto& buckets = buckets_.buckets();
  for (size_t b = pending_.size(); b < buckets.size(); ++b) {
    if (!all && arrived_[b] < buckets[b].count) return;
    pending_.push_back(world_->SumScatterLater("the sum of gradients", own_[b], buckets[b].flat));
  }
}

void ShardedOptimizer::DropGradients() {
  for (Pending& pending : pending_) pending.Wait();
  pending_.clear();
  optimizer_.DropGradients();
}

at::Tensor ShardedOptimizer::GradientNorm() {
  for (Pending& pending : pending_) pending.Wait();
  pending_.clear();
  optimizer_.Add(0, own_);
  const at::NoGradGuard no_grad;
  at::Tensor square = at::zeros({}, own_.front().options().dtype(at::kDouble));
  // In float64: a part is too long for sums in float32.
  for (const at::Tensor& part : own_)
    square += at::linalg_vector_norm(part, 2, c10::nullopt, false, at::kDouble).square();
  world_->Sum("the norm of gradients", square);
  return square.sqrt();
}

void ShardedOptimizer::Step(double learning_rate, const at::Tensor& norm) {
  optimizer_.Step(learning_rate, norm);
  const at::NoGradGuard no_grad;
  std::vector<Pending> gathered;
  for (size_t b = 0; b < buckets_.buckets().size(); ++b) {
    gathered.push_back(world_->GatherLater("the update of parameters", buckets_.buckets()[b].flat,
                                           optimizer_.parameters()[b].value));
  }
  for (size_t b = 0; b < buckets_.buckets().size(); ++b) {
    gathered[b].Wait();
    const GradientBuckets::Bucket& bucket = buckets_.buckets()[b];
    const auto begin = values_.begin() + static_cast<int64_t>(bucket.first);
    at::_foreach_copy_(std::vector<at::Tensor>(begin, begin + static_cast<int64_t>(bucket.count)),
                       bucket.views);
  }
  RefreshLeaves(parameters_);
}

std::map<std::string, at::Tensor> ShardedOptimizer::Whole(
    const std::map<std::string, at::Tensor>& parts) {
  std::map<std::string, at::Tensor> whole;
  const at::NoGradGuard no_grad;
  for (const auto& [name, part] : parts) {
    const size_t dot = std::min(name.find('.'), name.size());
    size_t b = 0;
    while (BucketName(b) != name.substr(0, dot)) ++b;
    const GradientBuckets::Bucket& bucket = buckets_.buckets()[b];
    const at::Tensor flat = at::empty_like(bucket.flat);
    world_->Gather("the optimiser's state", flat, part);
    if (!world_->first()) continue;
    const at::Tensor host = flat.cpu();
    const auto begin = values_.begin() + static_cast<int64_t>(bucket.first);
    const std::vector<at::Tensor> tensors =
        Unflatten(host, {begin, begin + static_cast<int64_t>(bucket.count)});
    for (size_t i = 0; i < tensors.size(); ++i)
      whole[parameters_[bucket.first + i].name + name.substr(dot)] = tensors[i];
  }
  return whole;
}

std::map<std::string, at::Tensor> ShardedOptimizer::AveragedValues() {
  return Whole(optimizer_.AveragedValues());
}

absl::Status ShardedOptimizer::Restore(const std::map<std::string, at::Tensor>& state,
                                       int64_t steps) {
  const at::NoGradGuard no_grad;
  std::map<std::string, at::Tensor> parts = optimizer_.State();
  // The same checks and words as of one process, parameter by parameter.
  if (absl::Status complete = CheckState(parameters_, !optimizer_.AveragedValues().empty(), state);
      !complete.ok()) {
    return complete;
  }
  for (size_t b = 0; b < buckets_.buckets().size(); ++b) {
    const GradientBuckets::Bucket& bucket = buckets_.buckets()[b];
    const auto own = [&](const std::function<at::Tensor(size_t)>& tensor) {
      std::vector<at::Tensor> tensors;
      for (size_t i = 0; i < bucket.count; ++i) tensors.push_back(tensor(bucket.first + i));
      const at::Tensor flat = at::zeros_like(bucket.flat);
      const auto begin = values_.begin() + static_cast<int64_t>(bucket.first);
      const auto views = Unflatten(flat, {begin, begin + static_cast<int64_t>(bucket.count)});
      for (size_t i = 0; i < views.size(); ++i) views[i].copy_(tensors[i]);
      return Part(flat).clone();
    };
    optimizer_.parameters()[b].value.detach().copy_(own([&](size_t i) { return values_[i]; }));
    for (auto& [name, part] : parts) {
      if (!name.starts_with(BucketName(b) + ".")) continue;
      const std::string kind = name.substr(name.find('.'));
      part = own([&](size_t i) { return state.at(parameters_[i].name + kind); });
    }
  }
  return optimizer_.Restore(parts, steps);
}

}  // namespace draftp
