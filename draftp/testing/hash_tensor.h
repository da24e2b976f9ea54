// Weights and inputs by formula, the same in the tests and in testdata/generate/unet.py.
#ifndef DRAFTP_TESTING_HASH_TENSOR_H_
#define DRAFTP_TESTING_HASH_TENSOR_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace draftp::testing {

// Numbers that look independent, uniform with mean 0 and variance 1 [shape] f64: SplitMix64's
// finaliser (Steele, Lea and Flood, 2014) of FNV-1a(name) + (index + 1) * the golden ratio.
inline at::Tensor HashTensor(const std::string& name, const std::vector<int64_t>& shape) {
  uint64_t seed = 0xCBF29CE484222325;
  for (const char c : name) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  at::Tensor tensor = at::empty(shape, at::kDouble);
  double* values = tensor.mutable_data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    uint64_t z = seed + static_cast<uint64_t>(i + 1) * 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    z ^= z >> 31;
    values[i] = (2 * std::ldexp(static_cast<double>(z >> 11), -53) - 1) * std::sqrt(3.0);
  }
  return tensor;
}

}  // namespace draftp::testing

#endif  // DRAFTP_TESTING_HASH_TENSOR_H_
