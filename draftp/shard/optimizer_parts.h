// An optimiser of which each rank has a part: of every group of parameters its 1/ranks.
#ifndef DRAFTP_SHARD_OPTIMIZER_PARTS_H_
#define DRAFTP_SHARD_OPTIMIZER_PARTS_H_

#include <ATen/core/Tensor.h>
#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "draftp/shard/optimizer.h"
#include "draftp/shard/parameter.h"
#include "draftp/shard/world.h"

namespace draftp {

using NamedTensors = std::map<std::string, at::Tensor>;

// A group is flat (gradient_buckets.h), divided evenly; a rank's part of its values, moments and
// moving averages is one parameter of an Optimizer. What leaves it is whole: tensors by the
// parameters' names on rank 0, on the CPU, and nothing on the others.
class OptimizerParts {
 public:
  // `parameters`: all of one dtype and device; groups of their indices. `leaves`: this rank's part
  // of each group in what the network reads, which updates refresh, or are made to where it has the
  // values' dtype; empty: none. Else values are copied. `world` must outlive it.
  OptimizerParts(World* world, const Parameters& parameters,
                 std::vector<std::vector<size_t>> groups, const OptimizerOptions& options,
                 const std::vector<at::Tensor>& leaves = {});

  size_t groups() const { return groups_.size(); }
  const std::vector<size_t>& group(size_t g) const { return groups_[g]; }
  // Elements of a group, all parts together.
  int64_t elements(size_t g) const { return value(g).numel() * world_->size(); }
  // This rank's part of a group's values [n].
  const at::Tensor& value(size_t g) const { return optimizer_.parameters()[g].value; }
  // A group's tensors in `flat` [elements], as views.
  std::vector<at::Tensor> Views(size_t g, const at::Tensor& flat) const;

  // The square of the global norm of `gradients`, this rank's part of each group: float64 scalar.
  at::Tensor SquaredNorm(const std::vector<at::Tensor>& gradients) const;
  // Updates by the gradients of this rank's parts, clipped by `norm` in place.
  void Step(double learning_rate, const at::Tensor& norm, std::vector<at::Tensor> gradients);

  int64_t steps() const { return optimizer_.steps(); }
  NamedTensors Values() const;
  NamedTensors State() const { return Whole("the optimiser's state", optimizer_.State()); }
  NamedTensors AveragedValues() const {
    return Whole("the moving averages", optimizer_.AveragedValues());
  }
  // Takes its parts of whole values and of a State(), both of these parameters alone.
  absl::Status Restore(const NamedTensors& values, const NamedTensors& state, int64_t steps);

 private:
  // Parts by "GROUP" or "GROUP.kind" -> tensors by "NAME" or "NAME.kind".
  NamedTensors Whole(const std::string& what, const NamedTensors& parts) const;
  // This rank's part of a group of tensors by "NAME" + kind.
  at::Tensor PartOf(size_t g, const NamedTensors& tensors, const std::string& kind) const;

  World* world_;
  Parameters shapes_;  // without memory
  std::vector<std::vector<size_t>> groups_;
  Optimizer optimizer_;
};

// The entries of `tensors` whose names, up to ".kind" where `kinds`, are those of parameters.
NamedTensors Of(const Parameters& parameters, const NamedTensors& tensors, bool kinds);

}  // namespace draftp

#endif  // DRAFTP_SHARD_OPTIMIZER_PARTS_H_
