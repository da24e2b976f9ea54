#include "draftp/shard/optimizer_parts.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "draftp/shard/gradient_buckets.h"
#include "draftp/shard/unbacked.h"

namespace draftp {
namespace {

// Without dots, in the groups' order.
std::string GroupName(size_t group) { return absl::StrFormat("%08d", group); }

// "GROUP" or "GROUP.kind" -> the group, and ".kind" or nothing.
std::pair<size_t, std::string> GroupAndKind(const std::string& name) {
  const size_t dot = std::min(name.find('.'), name.size());
  return {std::stoul(name.substr(0, dot)), name.substr(dot)};
}

std::vector<at::Tensor> ValuesOf(const Parameters& parameters, const std::vector<size_t>& group) {
  std::vector<at::Tensor> values;
  for (const size_t p : group) values.push_back(parameters[p].value.detach());
  return values;
}

Parameters WithoutMemory(const Parameters& parameters) {
  const at::NoGradGuard no_grad;
  Parameters shapes;
  for (const Parameter& parameter : parameters) {
    const at::Tensor shape = UnbackedLike(parameter.value.detach());
    shapes.push_back({parameter.name, shape, shape});
  }
  return shapes;
}

// This rank's part of each group's values, copies.
Parameters Parts(const World& world, const Parameters& parameters,
                 const std::vector<std::vector<size_t>>& groups,
                 const std::vector<at::Tensor>& leaves) {
  const at::NoGradGuard no_grad;
  Parameters parts;
  for (size_t g = 0; g < groups.size(); ++g) {
    const std::vector<at::Tensor> values = ValuesOf(parameters, groups[g]);
    if (!leaves.empty() && leaves[g].scalar_type() == values[0].scalar_type()) {
      parts.push_back({GroupName(g), leaves[g], leaves[g]});
      continue;
    }
    const at::Tensor part = FlatPart(values, world.size(), world.rank());
    parts.push_back({GroupName(g), part, leaves.empty() ? part : leaves[g]});
  }
  return parts;
}

}  // namespace

OptimizerParts::OptimizerParts(World* world, const Parameters& parameters,
                               std::vector<std::vector<size_t>> groups,
                               const OptimizerOptions& options,
                               const std::vector<at::Tensor>& leaves)
    : world_(world),
      shapes_(WithoutMemory(parameters)),
      groups_(std::move(groups)),
      optimizer_(Parts(*world, parameters, groups_, leaves), options) {}

std::vector<at::Tensor> OptimizerParts::Views(size_t g, const at::Tensor& flat) const {
  return Unflatten(flat, ValuesOf(shapes_, groups_[g]));
}

at::Tensor OptimizerParts::SquaredNorm(const std::vector<at::Tensor>& gradients) const {
  const at::NoGradGuard no_grad;
  at::Tensor square = at::zeros({}, gradients.front().options().dtype(at::kDouble));
  // In float64: a part is too long for sums in float32.
  for (const at::Tensor& part : gradients)
    square += at::linalg_vector_norm(part, 2, c10::nullopt, false, at::kDouble).square();
  world_->Sum("the norm of gradients", square);
  return square;
}

void OptimizerParts::Step(double learning_rate, const at::Tensor& norm,
                          std::vector<at::Tensor> gradients) {
  optimizer_.Add(0, std::move(gradients));
  optimizer_.Step(learning_rate, norm);
}

NamedTensors OptimizerParts::Values() const {
  NamedTensors parts;
  for (const Parameter& part : optimizer_.parameters()) parts[part.name] = part.value;
  return Whole("the parameters", parts);
}

NamedTensors OptimizerParts::Whole(const std::string& what, const NamedTensors& parts) const {
  NamedTensors whole;
  const at::NoGradGuard no_grad;
  for (const auto& [name, part] : parts) {
    const auto [g, kind] = GroupAndKind(name);
    const at::Tensor flat = at::empty({elements(g)}, part.options());
    world_->Gather(what, flat, part);
    if (!world_->first()) continue;
    const std::vector<at::Tensor> views = Views(g, flat.cpu());
    for (size_t i = 0; i < views.size(); ++i) whole[shapes_[groups_[g][i]].name + kind] = views[i];
  }
  return whole;
}

at::Tensor OptimizerParts::PartOf(size_t g, const NamedTensors& tensors,
                                  const std::string& kind) const {
  const at::Tensor flat = at::zeros({elements(g)}, value(g).options());
  const std::vector<at::Tensor> views = Views(g, flat);
  for (size_t i = 0; i < views.size(); ++i)
    views[i].copy_(tensors.at(shapes_[groups_[g][i]].name + kind));
  return flat.chunk(world_->size())[world_->rank()].clone();
}

absl::Status OptimizerParts::Restore(const NamedTensors& values, const NamedTensors& state,
                                     int64_t steps) {
  // The same checks and words as of one process, parameter by parameter.
  absl::Status complete = CheckState(shapes_, !optimizer_.AveragedValues().empty(), state);
  if (!complete.ok()) return complete;
  const at::NoGradGuard no_grad;
  for (size_t g = 0; g < groups(); ++g) value(g).detach().copy_(PartOf(g, values, ""));
  RefreshLeaves(optimizer_.parameters());
  NamedTensors parts = optimizer_.State();
  for (auto& [name, part] : parts) {
    const auto [g, kind] = GroupAndKind(name);
    part = PartOf(g, state, kind);
  }
  return optimizer_.Restore(parts, steps);
}

NamedTensors Of(const Parameters& parameters, const NamedTensors& tensors, bool kinds) {
  std::set<std::string> names;
  for (const Parameter& parameter : parameters) names.insert(parameter.name);
  NamedTensors own;
  for (const auto& [name, tensor] : tensors) {
    if (names.contains(kinds ? name.substr(0, name.rfind('.')) : name)) own[name] = tensor;
  }
  return own;
}

}  // namespace draftp
