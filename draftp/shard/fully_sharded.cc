#include "draftp/shard/fully_sharded.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "draftp/shard/unbacked.h"
#include "draftp/shard/weight_blocks.h"

namespace draftp {
namespace {

constexpr char kGradients[] = "the sum of gradients";

// What both have, each if it is there. All ranks call it.
template <class F>
NamedTensors Together(std::optional<ShardedOptimizer>& rest, std::optional<OptimizerParts>& blocks,
                      F&& of) {
  NamedTensors tensors = rest ? of(*rest) : NamedTensors();
  if (blocks) tensors.merge(of(*blocks));
  return tensors;
}

}  // namespace

// The blocks' weights, gradients and optimiser. Trained blocks come first.
class FullySharded::Blocks {
 public:
  explicit Blocks(const ShardingArguments& arguments)
      : world_(arguments.world),
        ordered_(arguments.ordered),
        weights_(DividedAmong(arguments.world)) {
    std::vector<at::Tensor> parts;
    std::vector<std::vector<size_t>> groups;
    for (const std::vector<size_t>& block : arguments.blocks) {
      std::vector<at::Tensor>& leaves = leaves_.emplace_back();
      std::vector<size_t>& group = groups.emplace_back();
      for (const size_t p : block) {
        leaves.push_back(arguments.parameters[p].leaf);
        group.push_back(parameters_.size());
        parameters_.push_back(arguments.parameters[p]);
      }
      parts.push_back(weights_.part(weights_.Add(leaves)));
    }
    for (const std::vector<at::Tensor>& block : arguments.frozen_blocks) weights_.Add(block);
    if (leaves_.empty()) return;
    optimizer_.emplace(world_, parameters_, groups, arguments.optimizer, parts);
    const at::NoGradGuard no_grad;
    for (const Parameter& parameter : parameters_) {
      if (parameter.mixed()) parameter.value.set_data(UnbackedLike(parameter.value));
    }
    sums_of_batch_.resize(leaves_.size());
    sums_.resize(leaves_.size());
    begun_.resize(leaves_.size());
  }

  std::optional<size_t> Find(const at::Tensor& tensor) const { return weights_.Find(tensor); }
  std::optional<size_t> BlockOf(const std::vector<at::Tensor>& tensors) const {
    return weights_.BlockOf(tensors);
  }
  bool empty() const { return weights_.size() == 0; }

  // Makes a block's weights whole for its piece. The first use since Settle() begins a run: the
  // sums of one that nobody finished, a recording's warm-up, have gone before it needs memory.
  void Use(size_t block, bool backward) {
    if (!std::exchange(running_, true) && !recorded_)
      sums_of_batch_.assign(sums_of_batch_.size(), at::Tensor());
    weights_.Use(block, backward ? WeightBlocks::Pass::kBackward : WeightBlocks::Pass::kForward);
  }
  const Parameters& parameters() const { return parameters_; }
  std::optional<OptimizerParts>& optimizer() { return optimizer_; }
  // This rank's part of the sum of each trained block's gradients over the window.
  const std::vector<at::Tensor>& gradients() const { return sums_; }
  // What a block trains; nothing where it is frozen.
  std::vector<at::Tensor> Leaves(size_t block) const {
    return block < leaves_.size() ? leaves_[block] : std::vector<at::Tensor>();
  }

  // Adds a trained block's gradients, undefined ones being zero.
  void Take(size_t block, const std::vector<at::Tensor>& gradients) {
    const at::NoGradGuard no_grad;
    Reduction& sum = reductions_[next_ ^= 1];
    Finish(sum);
    if (!sum.flat.defined()) MakePlaces();
    const int64_t elements = optimizer_->elements(block);
    const at::Tensor flat = sum.flat.narrow(0, 0, elements).zero_();
    const std::vector<at::Tensor> views = optimizer_->Views(block, flat);
    std::vector<at::Tensor> into, from;
    for (size_t i = 0; i < views.size(); ++i) {
      if (!gradients[i].defined()) continue;
      into.push_back(views[i]);
      from.push_back(gradients[i]);
    }
    if (!into.empty()) at::_foreach_copy_(into, from);
    sum.block = block;
    sum.pending = ordered_ ? world_->ExchangeLater(kGradients, Received(sum), flat)
                           : world_->SumScatterLater(kGradients, Received(sum), flat);
  }

  // A run of a micro batch ends here.
  void Settle() {
    for (Reduction& sum : reductions_) Finish(sum);
    begun_.assign(begun_.size(), false);
    running_ = false;
    weights_.Settle();
  }

  // A window of that many micro batches begins. Of one alone its own sums are the window's: nothing
  // is held where the decoder and the reward need most memory.
  void Begin(int64_t micro_batches) {
    const bool accumulated = std::exchange(accumulates_, micro_batches > 1);
    for (at::Tensor& sum : sums_) {
      if (!accumulates_ || !accumulated) {
        sum.reset();
      } else if (sum.defined()) {
        sum.zero_();
      }
    }
  }

  // The last run's sums, which a recorded run has written where it always does, join the window's.
  void FinishBatch() {
    const at::NoGradGuard no_grad;
    for (size_t g = 0; g < sums_.size(); ++g) {
      at::Tensor& own = sums_of_batch_[g];
      if (ordered_) {
        if (!sums_[g].defined()) sums_[g] = at::zeros_like(optimizer_->value(g));
        for (int64_t rank = 0; own.defined() && rank < own.size(0); ++rank)
          sums_[g].add_(own[rank]);
        if (!recorded_) own.reset();
        continue;
      }
      if (!own.defined()) own = at::zeros_like(optimizer_->value(g));
      if (sums_[g].defined()) {
        sums_[g].add_(own);
      } else {
        sums_[g] = accumulates_ && recorded_ ? own.clone() : own;
      }
      if (!recorded_) own.reset();
    }
  }

  void Recorded() { recorded_ = true; }

 private:
  // A reduction under way. There are two, so that one goes on while the next block is computed.
  struct Reduction {
    at::Tensor flat, part;  // sent, received
    std::optional<size_t> block;
    Pending pending;
  };

  // What a reduction of its block gives: this rank's part of the sum [n]; `ordered`, of every
  // rank's sample [ranks, n].
  at::Tensor Received(const Reduction& sum) const {
    const int64_t own = optimizer_->value(*sum.block).size(0);
    if (!ordered_) return sum.part.narrow(0, 0, own);
    return sum.part.narrow(0, 0, own * world_->size()).view({world_->size(), own});
  }

  void Finish(Reduction& sum) {
    if (!sum.block) return;
    const at::NoGradGuard no_grad;
    sum.pending.Wait();
    const size_t g = *sum.block;
    const at::Tensor part = Received(sum);
    if (begun_[g]) {
      sums_of_batch_[g].add_(part);
    } else {
      sums_of_batch_[g] = part.clone();
    }
    begun_[g] = true;
    sum.block.reset();
  }

  void MakePlaces() {
    int64_t most = 0;
    for (size_t g = 0; g < optimizer_->groups(); ++g)
      most = std::max(most, optimizer_->elements(g));
    for (Reduction& sum : reductions_) {
      sum.flat = at::empty({most}, optimizer_->value(0).options());
      sum.part = at::empty({ordered_ ? most : most / world_->size()}, sum.flat.options());
    }
  }

  World* world_;
  bool ordered_;
  WeightBlocks weights_;
  Parameters parameters_;  // trained, block by block
  std::vector<std::vector<at::Tensor>> leaves_;
  std::optional<OptimizerParts> optimizer_;
  std::vector<at::Tensor> sums_of_batch_, sums_;  // by trained block: of a run; of the window
  std::vector<bool> begun_;                       // whether the run has a block's sum
  bool running_ = false, accumulates_ = false;
  bool recorded_ = false;  // runs are replays of a graph, which writes sums_of_batch_
  Reduction reductions_[2];
  int next_ = 0;
};

struct FullySharded::GatherPieces {
  static constexpr bool kWeightsStay = false;
  std::shared_ptr<Blocks> blocks;
  bool recompute;

  at::Tensor operator()(Piece piece, const std::vector<at::Tensor>& inputs,
                        const PieceParameters& parameters) const {
    const std::vector<at::Tensor> all = parameters();
    const std::optional<size_t> block = blocks->BlockOf(all);
    std::vector<at::Tensor> others;
    std::ranges::copy_if(all, std::back_inserter(others),
                         [&](const at::Tensor& tensor) { return !blocks->Find(tensor); });
    ApartOptions options{.recompute = recompute};
    if (block) {
      options.before = [blocks = blocks.get(), b = *block](bool backward) {
        blocks->Use(b, backward);
      };
      options.taken = blocks->Leaves(*block);
      options.take = [blocks = blocks.get(), b = *block](const std::vector<at::Tensor>& gradients) {
        blocks->Take(b, gradients);
      };
    }
    return RunApart(std::move(piece), inputs, others, std::move(options));
  }
};

FullySharded::FullySharded(ShardingArguments arguments)
    : parameters_(arguments.parameters),
      averaged_(arguments.optimizer.ema_decay > 0),
      in_block_(arguments.parameters.size()) {
  if (!Divides(arguments, arguments.world->size())) {
    arguments.blocks.clear();
    arguments.frozen_blocks.clear();
  }
  for (const std::vector<size_t>& block : arguments.blocks) {
    for (const size_t p : block) in_block_.at(p) = true;
  }
  for (size_t p = 0, outside = 0; p < parameters_.size(); ++p) {
    rest_before_.push_back(outside);
    if (!in_block_[p]) ++outside;
  }
  rest_parameters_ = OutsideBlocks(arguments);
  if (!rest_parameters_.empty()) {
    ShardingArguments rest = arguments;
    rest.parameters = rest_parameters_;
    rest_.emplace(rest);
  }
  blocks_ = std::make_shared<Blocks>(arguments);
}

AnyPiecePolicy FullySharded::Pieces(bool recompute) const {
  if (blocks_->empty()) return RecomputeIf(recompute);
  return GatherPieces{blocks_, recompute};
}

void FullySharded::Begin(int64_t micro_batches) {
  Settle();
  blocks_->Begin(micro_batches);
  if (rest_) rest_->Begin(micro_batches);
}

void FullySharded::Add(size_t first, std::vector<at::Tensor> gradients) {
  std::vector<at::Tensor> rest;
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (!in_block_.at(first + i)) {
      rest.push_back(std::move(gradients[i]));
    } else {
      TORCH_CHECK(!gradients[i].defined(), parameters_[first + i].name,
                  ": its gradient didn't come from the piece that reads it");
    }
  }
  if (!rest.empty()) rest_->Add(rest_before_[first], std::move(rest));
}

void FullySharded::Finish() {
  blocks_->FinishBatch();
  if (rest_) rest_->Finish();
}

void FullySharded::DropGradients() {
  Settle();
  if (rest_) rest_->DropGradients();
}

at::Tensor FullySharded::GradientNorm() {
  if (!blocks_->optimizer()) return rest_->GradientNorm();
  const at::Tensor square = blocks_->optimizer()->SquaredNorm(blocks_->gradients());
  return rest_ ? (square + rest_->GradientNorm().square()).sqrt() : square.sqrt();
}

void FullySharded::Step(double learning_rate, const at::Tensor& norm) {
  Settle();
  if (rest_) rest_->Step(learning_rate, norm);
  if (blocks_->optimizer()) blocks_->optimizer()->Step(learning_rate, norm, blocks_->gradients());
}

void FullySharded::Settle() { blocks_->Settle(); }

void FullySharded::Recorded() { blocks_->Recorded(); }

int64_t FullySharded::steps() const {
  return rest_ ? rest_->steps() : blocks_->optimizer()->steps();
}

NamedTensors FullySharded::Values() {
  return Together(rest_, blocks_->optimizer(), [](auto& part) { return part.Values(); });
}

NamedTensors FullySharded::State() {
  return Together(rest_, blocks_->optimizer(), [](auto& part) { return part.State(); });
}

NamedTensors FullySharded::AveragedValues() {
  return Together(rest_, blocks_->optimizer(), [](auto& part) { return part.AveragedValues(); });
}

absl::Status FullySharded::Restore(const NamedTensors& values, const NamedTensors& state,
                                   int64_t steps) {
  Settle();
  if (absl::Status fits = CheckState(parameters_, averaged_, state); !fits.ok()) return fits;
  if (rest_) {
    absl::Status restored = rest_->Restore(Of(rest_parameters_, values, /*kinds=*/false),
                                           Of(rest_parameters_, state, /*kinds=*/true), steps);
    if (!restored.ok()) return restored;
  }
  if (!blocks_->optimizer()) return absl::OkStatus();
  const Parameters& inside = blocks_->parameters();
  return blocks_->optimizer()->Restore(Of(inside, values, false), Of(inside, state, true), steps);
}

}  // namespace draftp
