// Weights that lie in the host's memory and come to their device while they are used.
#ifndef DRAFTP_SHARD_OFFLOAD_H_
#define DRAFTP_SHARD_OFFLOAD_H_

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

#include "draftp/sampling/piece_policy.h"
#include "draftp/shard/weight_blocks.h"

namespace draftp {

// Weights that are needed together and seldom, a text encoder's: on their device within a Use
// alone. Every handle of a tensor stays what it is; who reads one outside of a Use faults. Serves
// one thread.
class IdleWeights {
 public:
  // Moves each tensor's values to the host, in locked memory where the device is a GPU. A tensor
  // that is given twice counts once.
  explicit IdleWeights(const std::vector<at::Tensor>& tensors);
  IdleWeights(const IdleWeights&) = delete;
  IdleWeights& operator=(const IdleWeights&) = delete;

  // The weights are there, for what the current stream does, until its end. Of null: they always
  // are. Uses can lie within each other.
  class Use {
   public:
    explicit Use(IdleWeights* weights);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    IdleWeights* weights_;
  };

  int64_t bytes() const;

 private:
  struct Weight {
    at::Tensor tensor;
    at::Tensor kept;  // on the host
  };

  std::vector<Weight> weights_;
  int uses_ = 0;
};

// Where WeightBlocks keep whole blocks on the host and copy them from there, on a stream of their
// own.
WeightSource OnTheHost();

// Runs pieces, without gradient, whose weights come block by block. What a piece reads belongs to
// one block at most; the rest stays where it is.
class StreamedPieces {
 public:
  static constexpr bool kWeightsStay = false;

  // Moves the weights of each block to the host.
  explicit StreamedPieces(const std::vector<std::vector<at::Tensor>>& blocks);

  at::Tensor operator()(const Piece& piece, const std::vector<at::Tensor>& inputs,
                        const PieceParameters& parameters) const;

 private:
  std::shared_ptr<WeightBlocks> blocks_;
};

static_assert(PiecePolicy<StreamedPieces>, "StreamedPieces does not satisfy PiecePolicy");

}  // namespace draftp

#endif  // DRAFTP_SHARD_OFFLOAD_H_
