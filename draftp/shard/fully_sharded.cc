#include "draftp/shard/fully_sharded.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <utility>

#include "draftp/shard/unbacked.h"
#include "draftp/shard/weight_blocks.h"

namespace draftp {

// The blocks' weights, gradients and optimiser. Trained blocks come first.
class FullySharded::Blocks {
 public:
  explicit Blocks(const ShardingArguments& arguments)
      : world_(arguments.world), weights_(arguments.world) {
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
    for (size_t g = 0; g < optimizer_->groups(); ++g)
      gradients_.push_back(at::zeros_like(optimizer_->value(g)));
  }

  WeightBlocks& weights() { return weights_; }
  const Parameters& parameters() const { return parameters_; }
  std::optional<OptimizerParts>& optimizer() { return optimizer_; }
  // This rank's part of the sum of each trained block's gradients.
  const std::vector<at::Tensor>& gradients() const { return gradients_; }
  // What a block trains; nothing where it is frozen.
  std::vector<at::Tensor> Leaves(size_t block) const {
    return block < leaves_.size() ? leaves_[block] : std::vector<at::Tensor>();
  }

  // Adds a trained block's gradients, undefined ones being zero.
  void Take(size_t block, const std::vector<at::Tensor>& gradients) {
    const at::NoGradGuard no_grad;
    Sum& sum = sums_[next_sum_ ^= 1];
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
    sum.reduction = world_->SumScatterLater("the sum of gradients",
                                            sum.part.narrow(0, 0, elements / world_->size()), flat);
  }

  void ZeroGradients() {
    for (const at::Tensor& gradient : gradients_) gradient.zero_();
  }

  void Settle() {
    for (Sum& sum : sums_) Finish(sum);
    weights_.Settle();
  }

 private:
  // A reduction under way. There are two, so that one goes on while the next block is computed.
  struct Sum {
    at::Tensor flat, part;
    std::optional<size_t> block;
    Pending reduction;
  };

  void Finish(Sum& sum) {
    if (!sum.block) return;
    const at::NoGradGuard no_grad;
    sum.reduction.Wait();
    const at::Tensor& gradient = gradients_[*sum.block];
    gradient.add_(sum.part.narrow(0, 0, gradient.size(0)));
    sum.block.reset();
  }

  void MakePlaces() {
    int64_t most = 0;
    for (size_t g = 0; g < optimizer_->groups(); ++g)
      most = std::max(most, optimizer_->elements(g));
    for (Sum& sum : sums_) {
      sum.flat = at::empty({most}, gradients_[0].options());
      sum.part = at::empty({most / world_->size()}, gradients_[0].options());
    }
  }

  World* world_;
  WeightBlocks weights_;
  Parameters parameters_;  // trained, block by block
  std::vector<std::vector<at::Tensor>> leaves_;
  std::optional<OptimizerParts> optimizer_;
  std::vector<at::Tensor> gradients_;
  Sum sums_[2];
  int next_sum_ = 0;
};

struct FullySharded::GatherPieces {
  static constexpr bool kWeightsStay = false;
  std::shared_ptr<Blocks> blocks;
  bool recompute;

  at::Tensor operator()(Piece piece, const std::vector<at::Tensor>& inputs,
                        const PieceParameters& parameters) const {
    std::optional<size_t> block;
    std::vector<at::Tensor> others;
    for (const at::Tensor& tensor : parameters()) {
      const std::optional<size_t> its = blocks->weights().Find(tensor);
      if (!its) others.push_back(tensor);
      TORCH_CHECK(!its || !block || *its == *block, "a piece reads weights of several blocks");
      if (its) block = its;
    }
    ApartOptions options{.recompute = recompute};
    if (block) {
      options.before = [blocks = blocks.get(), b = *block](bool backward) {
        blocks->weights().Use(
            b, backward ? WeightBlocks::Pass::kBackward : WeightBlocks::Pass::kForward);
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
  if (arguments.world->size() == 1) {  // there is nobody to divide with
    arguments.blocks.clear();
    arguments.frozen_blocks.clear();
  }
  for (const std::vector<size_t>& block : arguments.blocks) {
    for (const size_t p : block) in_block_.at(p) = true;
  }
  for (size_t p = 0; p < parameters_.size(); ++p) {
    rest_before_.push_back(rest_parameters_.size());
    if (!in_block_[p]) rest_parameters_.push_back(parameters_[p]);
  }
  if (!rest_parameters_.empty()) {
    ShardingArguments rest = arguments;
    rest.parameters = rest_parameters_;
    rest_.emplace(rest);
  }
  blocks_ = std::make_shared<Blocks>(arguments);
}

AnyPiecePolicy FullySharded::Pieces(bool recompute) const {
  if (blocks_->weights().size() == 0) return RecomputeIf(recompute);
  return GatherPieces{blocks_, recompute};
}

void FullySharded::Begin(int64_t micro_batches) {
  Settle();
  finished_ = 0;
  blocks_->ZeroGradients();
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
  ++finished_;
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

void FullySharded::Recorded() {
  TORCH_CHECK(finished_ == 0, "a micro batch is recorded amid a window");
  blocks_->ZeroGradients();
}

int64_t FullySharded::steps() const {
  return rest_ ? rest_->steps() : blocks_->optimizer()->steps();
}

NamedTensors FullySharded::Values() {
  NamedTensors values = rest_ ? rest_->Values() : NamedTensors();
  if (blocks_->optimizer()) values.merge(blocks_->optimizer()->Values());
  return values;
}

NamedTensors FullySharded::State() {
  NamedTensors state = rest_ ? rest_->State() : NamedTensors();
  if (blocks_->optimizer()) state.merge(blocks_->optimizer()->State());
  return state;
}

NamedTensors FullySharded::AveragedValues() {
  NamedTensors averages = rest_ ? rest_->AveragedValues() : NamedTensors();
  if (blocks_->optimizer()) averages.merge(blocks_->optimizer()->AveragedValues());
  return averages;
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
