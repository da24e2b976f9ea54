// Weights that are kept elsewhere, by parts on the ranks or on the host, and whole block by block
// while they are used.
#ifndef DRAFTP_SHARD_WEIGHT_BLOCKS_H_
#define DRAFTP_SHARD_WEIGHT_BLOCKS_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "draftp/shard/world.h"

namespace draftp {

// Where a block's weights are while it isn't whole. What is kept is flat, [n] on any device.
struct WeightSource {
  std::function<at::Tensor(const std::vector<at::Tensor>& values)> keep;
  int64_t parts = 1;  // a whole block has parts * n elements
  // Fills `whole` [parts * n] from what is kept.
  std::function<Pending(const at::Tensor& whole, const at::Tensor& kept)> fetch;
};

// Each rank keeps a part, and all gather. `world` must outlive it.
WeightSource DividedAmong(World* world);

// Two blocks at most are whole at a time: the one in use, and the one that comes next, which is
// gathered meanwhile. What comes next is what came next the last time; a wrong guess costs time
// alone, and is the same on all ranks. On a GPU the host waits for nothing, and a run can be
// captured in a CUDA graph: a block then lies at the same place in every replay.
//
// As FSDP has it (Zhao et al., "PyTorch FSDP", 2023), with fixed places instead of an allocator.
class WeightBlocks {
 public:
  enum class Pass { kForward, kBackward };

  explicit WeightBlocks(WeightSource source) : source_(std::move(source)) {}
  WeightBlocks(const WeightBlocks&) = delete;
  WeightBlocks& operator=(const WeightBlocks&) = delete;

  // Takes the tensors of a block, all of one dtype on the device of all blocks, and lets go of
  // their memory: from here on they can be read between Use() and the next but one. Every handle of
  // them, leaves of autograd too, stays what it is. All ranks add the same. -> the block's index
  size_t Add(const std::vector<at::Tensor>& tensors);

  // What is kept of a block [n], of divided ones this rank's part: what is written there counts
  // from the next gathering on.
  const at::Tensor& part(size_t block) const { return blocks_[block].part; }
  // The block that a tensor belongs to.
  std::optional<size_t> Find(const at::Tensor& tensor) const;
  // The one block that some of the tensors belong to.
  std::optional<size_t> BlockOf(const std::vector<at::Tensor>& tensors) const;

  // Makes a block whole for what the current stream does from here on.
  void Use(size_t block, Pass pass);
  // Waits for what is under way, and lets go of all: before the parts change, and where a graph
  // ends.
  void Settle();

  size_t size() const { return blocks_.size(); }

 private:
  struct Block {
    at::Tensor part;
    c10::Storage memory;  // of all parts together; null unless it is whole
  };
  struct Place {
    at::Tensor bytes;  // of the largest block
    std::optional<size_t> block;
    Pending gathering;
  };

  c10::Device device() const { return blocks_[0].memory.device(); }
  Place& PlaceOf(size_t block);
  void Gather(size_t block, Place& place);
  void Empty(Place& place);

  WeightSource source_;
  std::vector<Block> blocks_;
  std::unordered_map<const void*, size_t> block_of_;
  Place places_[2];
  std::optional<size_t> used_;                   // last
  std::unordered_map<size_t, size_t> after_[2];  // of each pass: what came after a block
};

}  // namespace draftp

#endif  // DRAFTP_SHARD_WEIGHT_BLOCKS_H_
