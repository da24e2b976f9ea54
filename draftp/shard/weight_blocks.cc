#include "draftp/shard/weight_blocks.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <c10/core/StorageImpl.h>
#include <c10/util/Exception.h>

#include <algorithm>

#include "draftp/shard/gradient_buckets.h"
#include "draftp/shard/unbacked.h"

namespace draftp {

WeightSource DividedAmong(World* world) {
  return {.keep =
              [world](const std::vector<at::Tensor>& values) {
                return FlatPart(values, world->size(), world->rank());
              },
          .parts = world->size(),
          .fetch =
              [world](const at::Tensor& whole, const at::Tensor& kept) {
                return world->GatherLater("the gathering of weights", whole, kept);
              }};
}

size_t WeightBlocks::Add(const std::vector<at::Tensor>& tensors) {
  TORCH_CHECK(!tensors.empty(), "a block needs tensors");
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> values;
  for (const at::Tensor& tensor : tensors) {
    TORCH_CHECK(tensor.scalar_type() == tensors[0].scalar_type(), "a block has one dtype, found ",
                tensors[0].scalar_type(), " and ", tensor.scalar_type());
    TORCH_CHECK(tensor.device() == (blocks_.empty() ? tensors[0].device() : device()),
                "blocks are on one device, found one on ", tensor.device());
    values.push_back(tensor.detach());
  }
  const at::Tensor part = source_.keep(values);
  const int64_t padded = part.numel() * source_.parts;
  const c10::Device on = tensors[0].device();
  Block block{.part = part,
              .memory = UnbackedStorage(padded * static_cast<int64_t>(part.element_size()), on)};
  const at::Tensor whole =
      at::empty({0}, part.options().device(on)).set_(block.memory, 0, {padded}, {1});
  const std::vector<at::Tensor> views = Unflatten(whole, values);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor& tensor = tensors[i];
    tensor.set_data(views[i]);
    const bool first = block_of_.emplace(tensor.unsafeGetTensorImpl(), blocks_.size()).second;
    TORCH_CHECK(first, "a tensor belongs to one block");
  }
  blocks_.push_back(std::move(block));
  return blocks_.size() - 1;
}

std::optional<size_t> WeightBlocks::Find(const at::Tensor& tensor) const {
  const auto found = block_of_.find(tensor.unsafeGetTensorImpl());
  return found == block_of_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<size_t> WeightBlocks::BlockOf(const std::vector<at::Tensor>& tensors) const {
  std::optional<size_t> block;
  for (const at::Tensor& tensor : tensors) {
    const std::optional<size_t> its = Find(tensor);
    TORCH_CHECK(!its || !block || *its == *block, "a piece reads weights of several blocks");
    if (its) block = its;
  }
  return block;
}

void WeightBlocks::Empty(Place& place) {
  if (!place.block) return;
  place.gathering.Wait();
  const c10::Storage& memory = blocks_[*place.block].memory;
  memory.set_data_ptr_noswap(c10::DataPtr(nullptr, memory.device()));
  place.block.reset();
}

void WeightBlocks::Gather(size_t block, Place& place) {
  Empty(place);
  const Block& own = blocks_[block];
  if (!place.bytes.defined()) {
    size_t most = 0;
    for (const Block& b : blocks_) most = std::max(most, b.memory.nbytes());
    place.bytes = at::empty({static_cast<int64_t>(most)}, at::device(device()).dtype(at::kByte));
  }
  place.block = block;
  own.memory.set_data_ptr_noswap(c10::DataPtr(place.bytes.data_ptr(), device()));
  const at::Tensor whole = place.bytes.narrow(0, 0, static_cast<int64_t>(own.memory.nbytes()))
                               .view(own.part.scalar_type());
  place.gathering = source_.fetch(whole, own.part);
}

WeightBlocks::Place& WeightBlocks::PlaceOf(size_t block) {
  for (Place& place : places_) {
    if (place.block == block) return place;
  }
  // What was used last has been handed to the stream, before which no gathering begins.
  Place& place = places_[0].block == used_ && used_ ? places_[1] : places_[0];
  Gather(block, place);
  return place;
}

void WeightBlocks::Use(size_t block, Pass pass) {
  const at::NoGradGuard no_grad;
  Place& place = PlaceOf(block);
  place.gathering.Wait();
  auto& after = after_[static_cast<size_t>(pass)];
  if (used_ && used_ != block) after[*used_] = block;
  used_ = block;
  if (const auto next = after.find(block); next != after.end()) {
    Place& other = &place == &places_[0] ? places_[1] : places_[0];
    if (other.block != next->second) Gather(next->second, other);
  }
}

void WeightBlocks::Settle() {
  for (Place& place : places_) Empty(place);
  used_.reset();
}

}  // namespace draftp
