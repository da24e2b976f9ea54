#include "draftp/shard/parameter.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_copy.h>

namespace draftp {

void RefreshLeaves(const Parameters& parameters) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> leaves, values;
  for (const Parameter& parameter : parameters) {
    if (!parameter.mixed()) continue;
    leaves.push_back(parameter.leaf.detach());
    values.push_back(parameter.value);
  }
  if (!leaves.empty()) at::_foreach_copy_(leaves, values);
}

void SetValues(const Parameters& parameters, const std::map<std::string, at::Tensor>& values) {
  const at::NoGradGuard no_grad;
  for (const Parameter& parameter : parameters)
    parameter.value.detach().copy_(values.at(parameter.name));
  RefreshLeaves(parameters);
}

std::vector<at::Tensor> ValuesOf(const Parameters& parameters) {
  std::vector<at::Tensor> values;
  for (const Parameter& parameter : parameters) values.push_back(parameter.value.detach());
  return values;
}

int64_t CountElements(const Parameters& parameters) {
  int64_t elements = 0;
  for (const Parameter& parameter : parameters) elements += parameter.value.numel();
  return elements;
}

}  // namespace draftp
