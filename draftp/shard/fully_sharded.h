// Every rank has its part of the parameters, gradients and optimiser, by blocks.
#ifndef DRAFTP_SHARD_FULLY_SHARDED_H_
#define DRAFTP_SHARD_FULLY_SHARDED_H_

#include <ATen/core/Tensor.h>
#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "draftp/sampling/piece_policy.h"
#include "draftp/shard/optimizer_parts.h"
#include "draftp/shard/sharded_optimizer.h"
#include "draftp/shard/sharding_policy.h"

namespace draftp {

// FSDP, ZeRO-3: a block's weights are gathered while the piece that reads them runs, the next
// block's meanwhile (weight_blocks.h); its gradients are summed over the ranks as soon as its
// backward pass has ended, each rank keeping the sum of its part, which its optimiser updates.
// Weights that aren't trained, a LoRA's network, the base model of full fine-tuning or what
// encodes, decodes and scores, are gathered likewise. Parameters outside blocks are those of a
// ShardedOptimizer, whole on every rank.
//
// A block that runs in k evaluations with gradient is gathered 2k times and summed k times a micro
// batch. Tensors of blocks have no memory of their own from construction on, `value` included.
class FullySharded {
 public:
  static constexpr std::string_view kName = "fully_sharded";
  static constexpr std::string_view kOptions = "blocks";
  static constexpr std::string_view kOriginal = "true";  // model.fsdp

  explicit FullySharded(ShardingArguments arguments);
  static FullySharded Make(const ShardingArguments& arguments) { return FullySharded(arguments); }

  static ShardingMemory Memory(const ShardingArguments& arguments, int ranks,
                               int64_t micro_batches);

  void Begin(int64_t micro_batches);
  // Gradients of parameters outside blocks; inside, undefined ones.
  void Add(size_t first, std::vector<at::Tensor> gradients);
  void Finish();
  void DropGradients();
  at::Tensor GradientNorm();
  void Step(double learning_rate, const at::Tensor& norm);

  AnyPiecePolicy Pieces(bool recompute) const;
  void Settle();
  void Recorded();

  int64_t steps() const;
  NamedTensors Values();
  NamedTensors State();
  NamedTensors AveragedValues();
  absl::Status Restore(const NamedTensors& values, const NamedTensors& state, int64_t steps);

 private:
  class Blocks;  // what pieces use, too
  struct GatherPieces;

  // One process has nobody to divide with; `ordered`, it rounds as several do.
  static bool Divides(const ShardingArguments& arguments, int ranks);
  static Parameters OutsideBlocks(const ShardingArguments& arguments);

  Parameters parameters_, rest_parameters_;
  bool averaged_;
  std::vector<size_t> rest_before_;  // parameters outside blocks before each
  std::vector<bool> in_block_;
  std::optional<ShardedOptimizer> rest_;  // absent where blocks have all
  std::shared_ptr<Blocks> blocks_;
};

static_assert(NamedShardingPolicy<FullySharded>,
              "FullySharded does not satisfy NamedShardingPolicy");

}  // namespace draftp

#endif  // DRAFTP_SHARD_FULLY_SHARDED_H_
