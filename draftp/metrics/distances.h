// Distances between two sets of pictures, by their embeddings.
#ifndef DRAFTP_METRICS_DISTANCES_H_
#define DRAFTP_METRICS_DISTANCES_H_

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>

#include <cstdint>

// embeddings [n,P] and base [m,P] of any floating dtype, as CLIP's image towers give them,
// normalised. Errors: kFailedPrecondition for too few pictures, says how many there are and are
// needed; kDataLoss for NaN or infinity. Throws where P differs.
namespace draftp {

struct FrechetResult {
  double distance = 0;
  int64_t pictures = 0, base_pictures = 0, dimensions = 0;
  // A set has no more pictures than dimensions: its covariance is singular, and the distance of two
  // draws of one law is far from 0. Compare at equal numbers of pictures alone.
  bool singular = false;
};

// |mean_a - mean_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), S with n - 1 below: at least 2 pictures
// each. Heusel et al., "GANs trained by a two time-scale update rule ...", NeurIPS 2017,
// equation 6. With S_a = A^T A, S_b = B^T B (A, B the triangular factors of the centred rows), the
// trace of the root is that of (A^T B B^T A)^(1/2), the sum of A B^T's singular values: no root of
// a singular matrix is taken, and equal sets give 0 up to rounding. Never below 0.
absl::StatusOr<FrechetResult> FrechetDistance(const at::Tensor& embeddings, const at::Tensor& base);

// CLIP maximum mean discrepancy: 1000 MMD^2 = 1000 (mean k(x,x') + mean k(y,y') - 2 mean k(x,y)),
// means over all pairs, those of a picture with itself too (the biased estimate, which is never
// below 0), k(x,y) = exp(-|x - y|^2 / (2 10^2)). At least 1 picture each. Jayasumana et al.,
// "Rethinking FID", CVPR 2024, equation 4. Biased by about
// 1000 E(1 - k) (1/n + 1/m).
absl::StatusOr<double> Cmmd(const at::Tensor& embeddings, const at::Tensor& base);

}  // namespace draftp

#endif  // DRAFTP_METRICS_DISTANCES_H_
