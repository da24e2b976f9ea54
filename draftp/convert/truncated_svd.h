// The largest singular values of a matrix, and their vectors, without the others.
#ifndef DRAFTP_CONVERT_TRUNCATED_SVD_H_
#define DRAFTP_CONVERT_TRUNCATED_SVD_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace draftp {

struct TruncatedSvd {
  at::Tensor u;  // [m,r]
  at::Tensor s;  // [r], falling
  at::Tensor v;  // [n,r]
};

// U diag(s) V^T is nearly the best approximation of rank r to `matrix` [m,n] f32 or f64:
// ||matrix - U diag(s) V^T|| is within 1% of the smallest that there is. Block power iteration from
// a start of random numbers that are always the same (Halko, Martinsson and Tropp, "Finding
// structure with randomness", 2011, algorithm 4.4), until the residual stands still; all of the
// decomposition where r isn't small beside m and n.
TruncatedSvd LargestSingularValues(const at::Tensor& matrix, int64_t r);

// The square of the Frobenius norm, summed in float64.
double SumOfSquares(const at::Tensor& tensor);

}  // namespace draftp

#endif  // DRAFTP_CONVERT_TRUNCATED_SVD_H_
