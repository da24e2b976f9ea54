// How a set of pictures and base's cover one another: precision, recall, density and coverage.
#ifndef DRAFTP_METRICS_MANIFOLDS_H_
#define DRAFTP_METRICS_MANIFOLDS_H_

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>

#include <cstdint>

namespace draftp {

// r_k(z) is the Euclidean distance of z to its k-th neighbour in its own set, itself left out; x
// are the set's pictures, y base's. Within a ball means nearer than its radius, as in the package
// prdc.
struct ManifoldScores {
  double precision = 0;  // share of x in any ball (y, r_k(y))
  double recall = 0;     // share of y in any ball (x, r_k(x))
  double density = 0;    // mean over x of the balls (y, r_k(y)) that hold it, over k; may pass 1
  double coverage = 0;   // share of y whose ball holds an x
};

// Precision and recall: Kynkaanniemi et al., "Improved precision and recall metric ...", NeurIPS
// 2019, equations 1 and 2. Density and coverage: Naeem et al., "Reliable fidelity and diversity
// metrics ...", ICML 2020, equations 4 and 5. The reference set is base. embeddings [n,P] and
// base [m,P] of any floating dtype; k is 3 or 5 by habit, 1 at least. All depend on n and m:
// compare at equal numbers alone. Time and memory grow with (n + m)^2. Errors: kFailedPrecondition
// for fewer than k + 1 pictures in a set, says how many there are and are needed; kDataLoss for NaN
// or infinity. Throws for k < 1 or where P differs.
absl::StatusOr<ManifoldScores> CompareManifolds(const at::Tensor& embeddings,
                                                const at::Tensor& base, int64_t k);

}  // namespace draftp

#endif  // DRAFTP_METRICS_MANIFOLDS_H_
