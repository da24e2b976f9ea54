// Reads sizes off the shapes of a file's tensors, keeping the first error.
#ifndef DRAFTP_CHECKPOINT_SHAPE_READER_H_
#define DRAFTP_CHECKPOINT_SHAPE_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "draftp/checkpoint/weight_map.h"

namespace draftp {

class ShapeReader {
 public:
  static constexpr int64_t kMostSize = 1 << 20;  // products of sizes stay far from overflow

  // `weights` must outlive it.
  explicit ShapeReader(const WeightMap& weights) : weights_(weights) {}

  // The shape, of `dimensions` sizes from 1 to kMostSize; ones after an error.
  std::vector<int64_t> Of(const std::string& name, size_t dimensions);

  // How many of BEFORE0AFTER, BEFORE1AFTER, ... there are in a row.
  int64_t Count(const std::string& before, const std::string& after) const;

  bool Has(const std::string& name) const { return weights_.Contains(name); }
  size_t Dimensions(const std::string& name) const;  // 0 of an absent tensor

  // The tensor, its shape, and what was expected of it.
  void Fail(const std::string& name, const std::string& expected);

  const absl::Status& status() const { return status_; }

 private:
  const WeightMap& weights_;
  absl::Status status_;
};

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_SHAPE_READER_H_
