// The concept PiecePolicy: how a network's pieces are run in a forward pass that may be
// differentiated. Kept activations, recomputed ones; sharded or offloaded weights.
#ifndef DRAFTP_SAMPLING_PIECE_POLICY_H_
#define DRAFTP_SAMPLING_PIECE_POLICY_H_

#include <ATen/core/Tensor.h>

#include <concepts>
#include <functional>
#include <utility>
#include <vector>

#include "draftp/sampling/recompute.h"

namespace draftp {

// A piece of a network, a block as a rule: a function of its inputs, of its parameters and of
// constants, without random numbers. It owns or outlives what it captures until backward has run,
// and the adapters in effect are a captured value, for it may run again, on autograd's own thread.
using Piece = std::function<at::Tensor(at::TensorList)>;
// All tensors that a piece reads besides its inputs and constants, weights and adapters, asked for
// where a policy needs them.
using PieceParameters = std::function<std::vector<at::Tensor>()>;

// p(piece, inputs, parameters) -> piece(inputs), with its gradients by inputs and parameters:
// - inputs: all tensors with a gradient history that the piece reads; undefined ones are handed
//   through.
// - It may run the piece more than once, and do what it likes to memory before and after.
// - P::kWeightsStay: a piece's weights are there outside of it too, and p is callable from several
//   threads at once. Where not, what reads weights happens in pieces, one call after the other.
template <class P>
concept PiecePolicy =
    std::copyable<P> && requires(const P& p, Piece piece, const std::vector<at::Tensor>& inputs,
                                 const PieceParameters& parameters) {
      { p(std::move(piece), inputs, parameters) } -> std::same_as<at::Tensor>;
      { P::kWeightsStay } -> std::convertible_to<bool>;
    };

// Runs pieces and keeps their activations.
struct RunPieces {
  static constexpr bool kWeightsStay = true;

  at::Tensor operator()(const Piece& piece, const std::vector<at::Tensor>& inputs,
                        const PieceParameters& /*parameters*/) const {
    return piece(Joined(inputs));
  }
};

// Drops a piece's activations and runs it again in the backward pass (recompute.h).
struct RecomputePieces {
  static constexpr bool kWeightsStay = true;

  at::Tensor operator()(Piece piece, const std::vector<at::Tensor>& inputs,
                        const PieceParameters& parameters) const {
    return Recompute(std::move(piece), inputs, parameters());
  }
};

static_assert(PiecePolicy<RunPieces>, "RunPieces does not satisfy PiecePolicy");
static_assert(PiecePolicy<RecomputePieces>, "RecomputePieces does not satisfy PiecePolicy");

// The policy that a network's caller chooses at run time; RunPieces unless said otherwise.
class AnyPiecePolicy {
 public:
  static constexpr bool kWeightsStay = false;  // not for certain: weights_stay()

  AnyPiecePolicy() : AnyPiecePolicy(RunPieces()) {}
  template <class P>
  requires(!std::same_as<P, AnyPiecePolicy> && PiecePolicy<P>)
  AnyPiecePolicy(P policy)  // NOLINT: a policy is one
      : weights_stay_(P::kWeightsStay), policy_(std::move(policy)) {}

  bool weights_stay() const { return weights_stay_; }

  at::Tensor operator()(Piece piece, const std::vector<at::Tensor>& inputs,
                        const PieceParameters& parameters) const {
    return policy_(std::move(piece), inputs, parameters);
  }

 private:
  bool weights_stay_;
  std::function<at::Tensor(Piece, const std::vector<at::Tensor>&, const PieceParameters&)> policy_;
};

static_assert(PiecePolicy<AnyPiecePolicy>, "AnyPiecePolicy does not satisfy PiecePolicy");

inline AnyPiecePolicy RecomputeIf(bool recompute) {
  if (recompute) return RecomputePieces();
  return RunPieces();
}

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_PIECE_POLICY_H_
