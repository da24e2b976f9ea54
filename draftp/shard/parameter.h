// A tensor that training changes.
#ifndef DRAFTP_SHARD_PARAMETER_H_
#define DRAFTP_SHARD_PARAMETER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace draftp {

// What the optimiser updates is `value`, float32 (or float64); what the network reads and what gets
// gradients is `leaf`: `value` itself, or its copy in the network's lower precision, refreshed
// after each update, so that no call converts it anew.
struct Parameter {
  std::string name;
  at::Tensor value;
  at::Tensor leaf;

  bool mixed() const { return !leaf.is_same(value); }
};

using Parameters = std::vector<Parameter>;

// Copies values into the leaves that are apart from them.
void RefreshLeaves(const Parameters& parameters);

// Copies `values`, by the parameters' names, into values and leaves.
void SetValues(const Parameters& parameters, const std::map<std::string, at::Tensor>& values);

int64_t CountElements(const Parameters& parameters);

// Their values, detached.
std::vector<at::Tensor> ValuesOf(const Parameters& parameters);

}  // namespace draftp

#endif  // DRAFTP_SHARD_PARAMETER_H_
