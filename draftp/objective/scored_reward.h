// A composite reward as the training step sees it: its value, and its gradient by the image taken
// at once, member by member.
#ifndef DRAFTP_OBJECTIVE_SCORED_REWARD_H_
#define DRAFTP_OBJECTIVE_SCORED_REWARD_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <concepts>
#include <span>
#include <vector>

namespace draftp {

// What scoring [B] images gave besides their rewards.
struct MemberScores {
  std::vector<at::Tensor> scores;          // [B] each, raw
  std::vector<at::Tensor> gradient_norms;  // scalar each: 2-norm over the batch of d(term)/d(image)

  // The scores of more images.
  void Append(const MemberScores& other) {
    if (scores.empty()) {
      *this = other;
      return;
    }
    for (size_t m = 0; m < scores.size(); ++m) scores[m] = at::cat({scores[m], other.scores[m]});
    for (size_t m = 0; m < gradient_norms.size(); ++m)
      gradient_norms[m] = (gradient_norms[m].square() + other.gradient_norms[m].square()).sqrt();
  }
};

// Rewards [B] of `images` [B,3,H,W], sum of factor_m * score_m + constant as `combine` has it, with
// the exact gradient by the images: G = d sum(r) / d images is taken here, a member at a time, so
// that no member's activations outlive its own backward pass, and r is returned as
// r + <images - sg(images), G>, which has the value of r and the gradient G.
//   score(images)    -> scores of all members, each [B]
//   combine(scores)  -> [B]
//   factors[m]       weight * scale of member m
template <class Score, class Combine>
at::Tensor ScoreWithGradient(const at::Tensor& images, Score&& score, Combine&& combine,
                             std::span<const double> factors, MemberScores& out) {
  if (!images.requires_grad()) {
    out.scores = score(images);
    return combine(out.scores);
  }
  const at::Tensor leaf = images.detach().requires_grad_();
  std::vector<at::Tensor> scores = score(leaf);
  at::Tensor total;
  for (size_t m = 0; m < scores.size(); ++m) {
    at::Tensor gradient;
    if (scores[m].requires_grad()) {
      gradient = torch::autograd::grad({scores[m].sum()}, {leaf}, {}, /*retain_graph=*/false,
                                       /*create_graph=*/false, /*allow_unused=*/true)[0];
    }
    gradient = gradient.defined() ? gradient * factors[m] : at::zeros_like(leaf);
    out.gradient_norms.push_back(at::linalg_vector_norm(gradient));
    total = total.defined() ? total + gradient : gradient;
    scores[m] = scores[m].detach();
  }
  out.scores = scores;
  const at::Tensor linear = ((images - images.detach()) * total).sum({1, 2, 3});
  return combine(out.scores) + linear;
}

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_SCORED_REWARD_H_
