// Fills a network's skeleton with the tensors of a checkpoint.
#ifndef DRAFTP_MODEL_WEIGHT_LOADER_H_
#define DRAFTP_MODEL_WEIGHT_LOADER_H_

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/kernels/placement.h"
#include "draftp/model/layers.h"
#include "draftp/model/linear.h"

namespace draftp {

// A visitor for VisitWeights: takes each tensor in the shape that the skeleton has, and places it.
//
//   WeightLoader load(weights, placement);
//   VisitWeights(unet, load);
//   if (absl::Status status = load.Finish(); !status.ok()) return status;
class WeightLoader {
 public:
  // `weights` must outlive the loader.
  WeightLoader(WeightMap& weights, const Placement& placement)
      : weights_(weights), placement_(placement) {}

  void operator()(const std::string& name, LinearWeights& layer);
  void operator()(const std::string& name, ConvWeights& layer);
  void operator()(const std::string& name, NormWeights& layer);

  // A tensor that isn't a layer's: replaces `tensor`, whose shape counts, unless it is undefined or
  // something has failed already.
  void Take(const std::string& name, at::Tensor& tensor);

  // The first tensor that was missing or mis-shaped, or else the tensors that no layer took;
  // `ignored` says which of those may be in the file all the same.
  absl::Status Finish(const std::function<bool(const std::string&)>& ignored = nullptr) const;

 private:
  WeightMap& weights_;
  Placement placement_;
  absl::Status status_;
};

}  // namespace draftp

#endif  // DRAFTP_MODEL_WEIGHT_LOADER_H_
