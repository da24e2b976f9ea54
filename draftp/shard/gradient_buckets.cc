#include "draftp/shard/gradient_buckets.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <algorithm>

namespace draftp {
namespace {

// Up to where the next value begins.
int64_t Aligned(const at::Tensor& value) {
  constexpr int64_t kElements = 8;
  return (value.numel() + kElements - 1) / kElements * kElements;
}

}  // namespace

GradientBuckets::GradientBuckets(const std::vector<at::Tensor>& values, int ranks, int64_t bytes)
    : bucket_of_(values.size()) {
  TORCH_CHECK(!values.empty(), "buckets need parameters");
  const at::NoGradGuard no_grad;
  for (size_t end = values.size(); end > 0;) {
    size_t first = end;
    int64_t elements = 0;
    while (first > 0 && (first == end || elements * values[0].element_size() < bytes))
      elements += values[--first].numel();
    const std::vector<at::Tensor> own(values.begin() + static_cast<int64_t>(first),
                                      values.begin() + static_cast<int64_t>(end));
    Bucket bucket{
        first, end - first, at::zeros({FlatElements(own, ranks)}, values[0].options()), {}};
    bucket.views = Unflatten(bucket.flat, own);
    std::fill(bucket_of_.begin() + static_cast<int64_t>(first),
              bucket_of_.begin() + static_cast<int64_t>(end), buckets_.size());
    buckets_.push_back(std::move(bucket));
    end = first;
  }
}

void GradientBuckets::Add(size_t first, const std::vector<at::Tensor>& gradients) {
  TORCH_CHECK(first + gradients.size() <= bucket_of_.size(), "gradients of parameters ", first,
              " to ", first + gradients.size(), " of ", bucket_of_.size());
  const at::NoGradGuard no_grad;
  // Bucket by bucket: what is converted takes no more memory than one.
  for (Bucket& bucket : buckets_) {
    std::vector<at::Tensor> sums, terms;
    const size_t begin = std::max(first, bucket.first),
                 end = std::min(first + gradients.size(), bucket.first + bucket.count);
    for (size_t p = begin; p < end; ++p) {
      if (!gradients[p - first].defined()) continue;
      sums.push_back(bucket.views[p - bucket.first]);
      terms.push_back(gradients[p - first].to(bucket.flat.scalar_type()));
    }
    if (!sums.empty()) at::_foreach_add_(sums, terms);
  }
}

void GradientBuckets::Zero() {
  for (Bucket& bucket : buckets_) bucket.flat.zero_();
}

std::vector<at::Tensor> GradientBuckets::Views() const {
  std::vector<at::Tensor> views(bucket_of_.size());
  for (const Bucket& bucket : buckets_)
    std::ranges::copy(bucket.views, views.begin() + static_cast<int64_t>(bucket.first));
  return views;
}

int64_t FlatElements(const std::vector<at::Tensor>& values, int64_t ranks) {
  int64_t elements = 0;
  for (const at::Tensor& value : values) elements += Aligned(value);
  // Vectorised kernels round what is left at an end otherwise than the rest: no part has any.
  constexpr int64_t kAtOnce = 64;
  const int64_t divisor = ranks * kAtOnce;
  return (elements + divisor - 1) / divisor * divisor;
}

int64_t FlatPartBytes(const std::vector<at::Tensor>& values, int64_t ranks) {
  if (values.empty()) return 0;
  return FlatElements(values, ranks) / ranks * static_cast<int64_t>(values[0].element_size());
}

void Flatten(const std::vector<at::Tensor>& values, at::Tensor flat) {
  const at::NoGradGuard no_grad;
  flat.zero_();
  at::_foreach_copy_(Unflatten(flat, values), values);
}

at::Tensor FlatPart(const std::vector<at::Tensor>& values, int64_t ranks, int64_t rank) {
  const at::NoGradGuard no_grad;
  at::Tensor flat = at::empty({FlatElements(values, ranks)}, values[0].options());
  Flatten(values, flat);
  return flat.chunk(ranks)[rank].clone();
}

std::vector<at::Tensor> Unflatten(const at::Tensor& flat, const std::vector<at::Tensor>& like) {
  std::vector<at::Tensor> views;
  int64_t at = 0;
  for (const at::Tensor& value : like) {
    TORCH_CHECK(value.scalar_type() == flat.scalar_type(), "parameters of one dtype share buckets");
    const at::Tensor part = flat.narrow(0, at, value.numel());
    // In the value's own memory format, channels-last as a rule: fused kernels ask for the same.
    views.push_back(value.is_non_overlapping_and_dense()
                        ? part.as_strided(value.sizes(), value.strides(), part.storage_offset())
                        : part.view(value.sizes()));
    at += Aligned(value);
  }
  return views;
}

}  // namespace draftp
