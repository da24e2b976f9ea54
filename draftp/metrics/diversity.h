// How different the pictures of one prompt are: pairwise diversity with its interval, Vendi scores.
#ifndef DRAFTP_METRICS_DIVERSITY_H_
#define DRAFTP_METRICS_DIVERSITY_H_

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <vector>

#include "draftp/metrics/intervals.h"

// In all of these, embeddings are [n,P] of any floating dtype and length, prompt by prompt;
// sizes[p] are the pictures of prompt p, and sum to n, else c10::Error. Errors: kFailedPrecondition
// for too few pictures, says how many there are and are needed; kDataLoss for NaN, infinity or a
// row of zeros.
namespace draftp {

// Of each prompt, 1 - the mean of cos(f_i, f_j) over pairs i < j: at least 2 pictures a prompt. 0
// for equal pictures; an unbiased estimate at any number of pictures.
absl::StatusOr<std::vector<double>> PromptDiversities(const at::Tensor& embeddings,
                                                      const std::vector<int64_t>& sizes);

// The mean of PromptDiversities.
absl::StatusOr<double> PairwiseDiversity(const at::Tensor& embeddings,
                                         const std::vector<int64_t>& sizes);

// PairwiseDiversity with its interval. Several prompts: that of the mean of their diversities
// (MeanInterval), each unbiased from pairs of different pictures, so that nothing else is drawn.
// One prompt, of 3 pictures or more: its pictures are drawn with replacement, and pairs of a
// picture with itself left out, for they would pull every replica towards 0. Never below 0. By
// simulation (diversity_test.cc), 94% at nominal 95% for 6 prompts of 16, and 92% for one of 16.
absl::StatusOr<Interval> DiversityInterval(const at::Tensor& embeddings,
                                           const std::vector<int64_t>& sizes,
                                           const BootstrapOptions& options = {});

// exp(-sum of l log l), l the eigenvalues of K / n, K_ij = cos(f_i, f_j): the effective number of
// different pictures, from 1 to n. It grows with n: compare at equal n alone. Friedman and Dieng,
// "The Vendi score", TMLR 2023, equation 2.
struct VendiScores {
  double per_prompt = 0;                          // the mean over prompts of each one's score
  double overall = 0;                             // of all pictures as one set
  int64_t least_pictures = 0, most_pictures = 0;  // of a prompt: their n
  int64_t pictures = 0;                           // of all prompts
};

// At least 1 picture a prompt.
absl::StatusOr<VendiScores> VendiScore(const at::Tensor& embeddings,
                                       const std::vector<int64_t>& sizes);

}  // namespace draftp

#endif  // DRAFTP_METRICS_DIVERSITY_H_
