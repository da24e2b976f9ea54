// Piece policies: the same values and gradients, whatever a policy does around a piece.
#include "draftp/sampling/piece_policy.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <memory>
#include <string>

#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

struct TakesNoParameters {
  static constexpr bool kWeightsStay = true;
  at::Tensor operator()(Piece piece, const std::vector<at::Tensor>& inputs) const;
};
struct SaysNotWhereWeightsAre {
  at::Tensor operator()(Piece piece, const std::vector<at::Tensor>& inputs,
                        const PieceParameters& parameters) const;
};
struct GivesNothing {
  static constexpr bool kWeightsStay = true;
  void operator()(Piece, const std::vector<at::Tensor>&, const PieceParameters&) const;
};
static_assert(!PiecePolicy<TakesNoParameters>);
static_assert(!PiecePolicy<GivesNothing>);
static_assert(!PiecePolicy<SaysNotWhereWeightsAre>);

// What a sharding policy does: a piece's weights are there only while the piece runs, in the
// forward pass and again in the backward pass.
struct GatherRunRelease {
  static constexpr bool kWeightsStay = false;
  std::shared_ptr<std::string> log = std::make_shared<std::string>();
  std::shared_ptr<bool> there = std::make_shared<bool>(false);

  at::Tensor operator()(Piece piece, const std::vector<at::Tensor>& inputs,
                        const PieceParameters& parameters) const {
    return Recompute(
        [log = log, there = there, piece = std::move(piece)](at::TensorList in) {
          *log += "gather ";
          *there = true;
          at::Tensor out = piece(in);
          *there = false;
          *log += "release ";
          return out;
        },
        inputs, parameters());
  }
};
static_assert(PiecePolicy<GatherRunRelease>);

struct Outcome {
  at::Tensor output, input_gradient;
  std::vector<at::Tensor> weight_gradients;
};

// Two pieces after each other; `check` runs inside each.
Outcome RunTwoPieces(const AnyPiecePolicy& policy, const std::function<void()>& check = [] {}) {
  const at::Tensor x = (at::arange(6, at::kDouble).sin()).requires_grad_();
  std::vector<at::Tensor> weights;
  at::Tensor y = x * 2.0;
  for (int i = 0; i < 2; ++i) {
    const at::Tensor w = (at::arange(6, at::kDouble) + i).cos().requires_grad_();
    weights.push_back(w);
    y = policy(
        [w, check](at::TensorList in) {
          check();
          return (in[0] * w).tanh() * in[0];
        },
        {y}, [w] { return std::vector<at::Tensor>{w}; });
  }
  std::vector<at::Tensor> leaves = {x, weights[0], weights[1]};
  const auto gradients = torch::autograd::grad({y.square().sum()}, leaves);
  return {y.detach(), gradients[0], {gradients[1], gradients[2]}};
}

TEST(PiecePolicyTest, MembersGiveTheSameBits) {
  const Outcome kept = RunTwoPieces(RunPieces());
  for (const AnyPiecePolicy& policy : {AnyPiecePolicy(), RecomputeIf(true), RecomputeIf(false),
                                       AnyPiecePolicy(GatherRunRelease())}) {
    const Outcome other = RunTwoPieces(policy);
    EXPECT_THAT(other.output, IsEqualTo(kept.output));
    EXPECT_THAT(other.input_gradient, IsEqualTo(kept.input_gradient));
    for (int i = 0; i < 2; ++i)
      EXPECT_THAT(other.weight_gradients[i], IsEqualTo(kept.weight_gradients[i]));
  }
}

TEST(PiecePolicyTest, APolicyIsAroundEveryRunOfAPiece) {
  const GatherRunRelease policy;
  RunTwoPieces(policy, [&] { ASSERT_TRUE(*policy.there); });
  EXPECT_EQ(*policy.log,
            "gather release gather release "    // forward
            "gather release gather release ");  // backward
}

TEST(PiecePolicyTest, APolicySaysWhetherWeightsStay) {
  EXPECT_TRUE(AnyPiecePolicy().weights_stay());
  EXPECT_TRUE(RecomputeIf(true).weights_stay());
  EXPECT_FALSE(AnyPiecePolicy(GatherRunRelease()).weights_stay());
}

TEST(PiecePolicyTest, OnlyPoliciesThatNeedParametersAskForThem) {
  int asked = 0;
  const auto parameters = [&asked] { return ++asked, std::vector<at::Tensor>(); };
  const at::Tensor x = at::arange(3, at::kDouble).requires_grad_();
  const auto piece = [](at::TensorList in) { return in[0] * 2; };
  RunPieces()(piece, {x}, parameters);
  EXPECT_EQ(asked, 0);
  RecomputePieces()(piece, {x}, parameters);
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace draftp::testing
