// GoogleMock matchers for tensors, with the error they measure and the tolerance that each dtype
// earns.
#ifndef DRAFTP_TESTING_TENSOR_MATCHERS_H_
#define DRAFTP_TESTING_TENSOR_MATCHERS_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace draftp::testing {

// ||actual - expected|| / ||expected|| in float64 (Frobenius); the plain norm of actual when
// expected is zero. Infinite when shapes differ or a value isn't finite, so that NaN never passes a
// comparison.
inline double RelativeError(const at::Tensor& actual, const at::Tensor& expected) {
  if (actual.sizes() != expected.sizes()) return std::numeric_limits<double>::infinity();
  const at::Tensor a = actual.detach().to(at::kCPU, at::kDouble);
  const at::Tensor e = expected.detach().to(at::kCPU, at::kDouble);
  if (!at::isfinite(a).all().item<bool>()) return std::numeric_limits<double>::infinity();
  const double difference = at::linalg_vector_norm(a - e).item<double>();
  const double scale = at::linalg_vector_norm(e).item<double>();
  return scale > 0 ? difference / scale : difference;
}

// Relative error that a network of some tens of layers may differ by from a reference in the same
// dtype: float64 1e-9 and float32 2e-5 are a few hundred roundings; bfloat16 (8 bits) 2e-2, half
// (11 bits) 3e-3.
inline double DefaultTolerance(at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble:
      return 1e-9;
    case at::kFloat:
      return 2e-5;
    case at::kBFloat16:
      return 2e-2;
    case at::kHalf:
      return 3e-3;
    default:
      TORCH_CHECK(false, "no tolerance for dtype ", dtype);
  }
}

// EXPECT_THAT(actual, IsCloseTo(expected, 1e-9)): same shape and RelativeError within the
// tolerance.
MATCHER_P2(IsCloseTo, expected, tolerance,
           "has relative error at most " + ::testing::PrintToString(tolerance)) {
  const at::Tensor actual_tensor = arg;
  const at::Tensor expected_tensor = expected;
  if (actual_tensor.sizes() != expected_tensor.sizes()) {
    *result_listener << "shape differs: " << ::testing::PrintToString(actual_tensor.sizes().vec())
                     << " against " << ::testing::PrintToString(expected_tensor.sizes().vec());
    return false;
  }
  const double error = RelativeError(actual_tensor, expected_tensor);
  *result_listener << "relative error " << error;
  return error <= tolerance;
}

// Same dtype, shape and bits (NaN differs from itself).
MATCHER_P(IsEqualTo, expected, "equals the tensor bit for bit") {
  const at::Tensor actual_tensor = arg;
  const at::Tensor expected_tensor = expected;
  if (actual_tensor.scalar_type() != expected_tensor.scalar_type()) {
    *result_listener << "dtype differs";
    return false;
  }
  if (actual_tensor.sizes() != expected_tensor.sizes()) {
    *result_listener << "shape differs";
    return false;
  }
  if (at::equal(actual_tensor, expected_tensor)) return true;
  *result_listener << "relative error " << RelativeError(actual_tensor, expected_tensor);
  return false;
}

}  // namespace draftp::testing

#endif  // DRAFTP_TESTING_TENSOR_MATCHERS_H_
