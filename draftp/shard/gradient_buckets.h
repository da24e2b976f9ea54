// Gradients of many parameters in few flat tensors, which a collective takes whole.
#ifndef DRAFTP_SHARD_GRADIENT_BUCKETS_H_
#define DRAFTP_SHARD_GRADIENT_BUCKETS_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace draftp {

// Neighbouring parameters share a bucket until it has `bytes`; the last parameters' is the first,
// for the backward pass comes to them first. A bucket's length is a multiple of `ranks`.
class GradientBuckets {
 public:
  struct Bucket {
    size_t first, count;            // parameters
    at::Tensor flat;                // [n], zeros behind the last parameter
    std::vector<at::Tensor> views;  // of the parameters, in their shapes
  };
  static constexpr int64_t kBytes = int64_t{25} << 20;

  // `values`: all of one dtype on one device.
  GradientBuckets(const std::vector<at::Tensor>& values, int ranks, int64_t bytes = kBytes);

  // Adds gradients of parameters first, first + 1, ... in the buckets' precision; undefined: zero.
  void Add(size_t first, const std::vector<at::Tensor>& gradients);
  void Zero();

  std::vector<Bucket>& buckets() { return buckets_; }
  const std::vector<Bucket>& buckets() const { return buckets_; }
  // Which bucket has the parameter.
  size_t BucketOf(size_t parameter) const { return bucket_of_[parameter]; }
  // The views of all parameters, in their order.
  std::vector<at::Tensor> Views() const;
  size_t parameters() const { return bucket_of_.size(); }

 private:
  std::vector<Bucket> buckets_;
  std::vector<size_t> bucket_of_;
};

// Elements of a flat tensor that holds the values, each from a multiple of 16 bytes on, as kernels
// like to have weights; a multiple of 64 `ranks`, so that an update rounds in every world alike.
int64_t FlatElements(const std::vector<at::Tensor>& values, int64_t ranks);
// Bytes of a rank's part of it.
int64_t FlatPartBytes(const std::vector<at::Tensor>& values, int64_t ranks);
// values[i] copied into flat [n], one behind the other, zeros between and behind them.
void Flatten(const std::vector<at::Tensor>& values, at::Tensor flat);
// A rank's part [n] of the values flattened, a copy.
at::Tensor FlatPart(const std::vector<at::Tensor>& values, int64_t ranks, int64_t rank);
// The parts of flat in the shapes and memory formats of `like`, as views. `like` isn't read.
std::vector<at::Tensor> Unflatten(const at::Tensor& flat, const std::vector<at::Tensor>& like);

}  // namespace draftp

#endif  // DRAFTP_SHARD_GRADIENT_BUCKETS_H_
