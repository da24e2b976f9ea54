// The gradients of an accumulation window on their way to a reduction, bucket by bucket.
#ifndef DRAFTP_SHARD_BUCKET_WINDOW_H_
#define DRAFTP_SHARD_BUCKET_WINDOW_H_

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "draftp/shard/gradient_buckets.h"
#include "draftp/shard/world.h"

namespace draftp {

// A bucket's reduction begins as soon as the window's last micro batch has filled it: in the
// buckets' order, which is the same on all ranks, whatever order gradients come in.
//   reduce(bucket index, bucket) -> Pending
class BucketWindow {
 public:
  explicit BucketWindow(GradientBuckets buckets)
      : buckets_(std::move(buckets)), arrived_(buckets_.buckets().size()) {}

  GradientBuckets& buckets() { return buckets_; }
  const GradientBuckets& buckets() const { return buckets_; }

  void Begin(int64_t micro_batches) {
    left_ = micro_batches;
    buckets_.Zero();
    pending_.clear();
    arrived_.assign(arrived_.size(), 0);
  }

  template <class Reduce>
  void Add(size_t first, const std::vector<at::Tensor>& gradients, Reduce&& reduce) {
    TORCH_CHECK(left_ > 0, "a gradient comes after the window's last micro batch");
    buckets_.Add(first, gradients);
    for (size_t i = 0; i < gradients.size(); ++i) ++arrived_[buckets_.BucketOf(first + i)];
    if (left_ == 1) ReduceReady(/*all=*/false, reduce);
  }

  template <class Reduce>
  void Finish(Reduce&& reduce) {
    if (--left_ == 0) ReduceReady(/*all=*/true, reduce);
    arrived_.assign(arrived_.size(), 0);
  }

  // For the reductions that have begun.
  void Wait() {
    for (Pending& pending : pending_) pending.Wait();
    pending_.clear();
  }

 private:
  template <class Reduce>
  void ReduceReady(bool all, Reduce& reduce) {
    const auto& buckets = buckets_.buckets();
    for (size_t b = pending_.size(); b < buckets.size(); ++b) {
      if (!all && arrived_[b] < buckets[b].count) return;
      pending_.push_back(reduce(b, buckets[b]));
    }
  }

  GradientBuckets buckets_;
  std::vector<size_t> arrived_;   // parameters of each bucket, in this micro batch
  std::vector<Pending> pending_;  // of the buckets, in their order
  int64_t left_ = 0;              // micro batches
};

}  // namespace draftp

#endif  // DRAFTP_SHARD_BUCKET_WINDOW_H_
