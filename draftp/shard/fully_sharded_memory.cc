// What FullySharded tells of itself before it is made.
#include <algorithm>

#include "draftp/shard/fully_sharded.h"

namespace draftp {
namespace {

// Of trained blocks, what one of `ranks` holds and lets go; of the largest, its bytes as the
// network reads it.
ShardingMemory TrainedMemory(const ShardingArguments& arguments, int ranks, int64_t micro_batches,
                             int64_t& largest) {
  ShardingMemory memory;
  int64_t most = 0, most_part = 0;
  for (const std::vector<size_t>& block : arguments.blocks) {
    std::vector<at::Tensor> values, leaves;
    int64_t value_bytes = 0, leaf_bytes = 0;
    for (const size_t p : block) {
      const Parameter& parameter = arguments.parameters[p];
      values.push_back(parameter.value.detach());
      leaves.push_back(parameter.leaf.detach());
      value_bytes += static_cast<int64_t>(parameter.value.nbytes());
      if (parameter.mixed()) leaf_bytes += static_cast<int64_t>(parameter.leaf.nbytes());
    }
    const int64_t part = FlatPartBytes(values, ranks);
    memory.values_gone += value_bytes;
    memory.leaves_gone += leaf_bytes;
    memory.parts += part + (leaf_bytes > 0 ? FlatPartBytes(leaves, ranks) : 0);
    memory.moments += 2 * part;
    if (arguments.optimizer.ema_decay > 0) memory.average += part;
    // Of a micro batch: every rank's own, where they are added up in order.
    const int64_t batch = arguments.ordered ? ranks * part : part;
    memory.sums += batch + (micro_batches > 1 || arguments.ordered ? part : 0);
    most = std::max(most, FlatPartBytes(values, 1));
    most_part = std::max(most_part, part);
    largest = std::max(largest, FlatPartBytes(leaves, 1));
  }
  memory.sums += 2 * (most + (arguments.ordered ? most : most_part));  // under way
  memory.gradients = 2 * largest;
  return memory;
}

}  // namespace

bool FullySharded::Divides(const ShardingArguments& arguments, int ranks) {
  return ranks > 1 || arguments.ordered;
}

Parameters FullySharded::OutsideBlocks(const ShardingArguments& arguments) {
  std::vector<bool> inside(arguments.parameters.size());
  for (const std::vector<size_t>& block : arguments.blocks) {
    for (const size_t p : block) inside.at(p) = true;
  }
  Parameters outside;
  for (size_t p = 0; p < inside.size(); ++p) {
    if (!inside[p]) outside.push_back(arguments.parameters[p]);
  }
  return outside;
}

ShardingMemory FullySharded::Memory(const ShardingArguments& arguments, int ranks,
                                    int64_t micro_batches) {
  if (!Divides(arguments, ranks)) return ShardedOptimizer::Memory(arguments, ranks, micro_batches);
  int64_t largest = 0;
  ShardingMemory memory = TrainedMemory(arguments, ranks, micro_batches, largest);
  for (const std::vector<at::Tensor>& block : arguments.frozen_blocks) {
    for (const at::Tensor& tensor : block)
      memory.frozen_gone += static_cast<int64_t>(tensor.nbytes());
    memory.frozen_gone -= FlatPartBytes(block, ranks);
    largest = std::max(largest, FlatPartBytes(block, 1));
  }
  memory.gathered = 2 * largest;
  memory.weights_stay = false;
  ShardingArguments rest = arguments;
  rest.parameters = OutsideBlocks(arguments);
  if (rest.parameters.empty()) return memory;
  const ShardingMemory outside = ShardedOptimizer::Memory(rest, ranks, micro_batches);
  memory.parts += outside.parts;
  memory.gradients += outside.gradients;
  memory.sums += outside.sums;
  memory.moments += outside.moments;
  memory.average += outside.average;
  return memory;
}

}  // namespace draftp
