#include "draftp/shard/weight_blocks.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <iterator>
#include <vector>

#include "draftp/shard/fully_sharded.h"
#include "draftp/shard/world_fixture.h"

namespace draftp {
namespace {

at::Tensor Drawn(at::IntArrayRef sizes, uint64_t seed, at::ScalarType dtype) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed), at::kDouble).to(dtype);
}

constexpr at::ScalarType kDtypes[] = {at::kBFloat16, at::kDouble, at::kFloat, at::kBFloat16};

// Sizes that no number of ranks divides.
std::vector<at::Tensor> BlockOfDtype(size_t i) {
  return {Drawn({3, 7}, 2 * i, kDtypes[i]),
          Drawn({static_cast<int64_t>(i) + 1}, 2 * i + 1, kDtypes[i])};
}

TEST(WeightBlocksTest, EachBlockHasItsOwnDtype) {
  for (const int ranks : {2, 3}) {
    RunRanks(ranks, [&](World& world) {
      WeightBlocks blocks(DividedAmong(&world));
      std::vector<std::vector<at::Tensor>> tensors;
      for (size_t i = 0; i < std::size(kDtypes); ++i) {
        tensors.push_back(BlockOfDtype(i));
        blocks.Add(tensors.back());
        EXPECT_EQ(blocks.part(i).scalar_type(), kDtypes[i]);
      }
      for (const size_t i : {0, 1, 2, 3, 2, 1, 0, 1, 2, 3}) {
        blocks.Use(i, WeightBlocks::Pass::kForward);
        const std::vector<at::Tensor> expected = BlockOfDtype(i);
        for (size_t t = 0; t < expected.size(); ++t)
          EXPECT_TRUE(at::equal(tensors[i][t], expected[t])) << i;
      }
      blocks.Settle();
      for (const auto& block : tensors) EXPECT_EQ(block[0].storage().data(), nullptr);
    });
  }
}

TEST(WeightBlocksTest, ABlockOfTwoDtypesIsRefused) {
  World alone;
  WeightBlocks blocks(DividedAmong(&alone));
  EXPECT_THROW(blocks.Add({Drawn({2}, 0, at::kFloat), Drawn({2}, 1, at::kDouble)}), c10::Error);
}

// A frozen network in another dtype behind the trained one, as a decoder and a reward are.
at::Tensor TwoNetworks(const AnyPiecePolicy& pieces, const std::vector<at::Tensor>& weights,
                       const at::Tensor& adapter) {
  at::Tensor y = Drawn({5}, 50, at::kFloat);
  for (const at::Tensor& w : weights) {
    const bool trained = w.scalar_type() == at::kFloat;
    const auto run = [=](at::TensorList in) {
      const at::Tensor product = at::matmul(w, in[0].to(w.scalar_type()));
      return (trained ? product * adapter : product).tanh();
    };
    y = pieces(run, {y}, [=] {
      return trained ? std::vector<at::Tensor>{w, adapter} : std::vector<at::Tensor>{w};
    });
  }
  return y;
}

std::vector<at::Tensor> WeightsOfTwoNetworks() {
  std::vector<at::Tensor> weights;
  for (uint64_t i = 0; i < 6; ++i)
    weights.push_back(Drawn({5, 5}, i, i < 3 ? at::kFloat : at::kDouble));
  return weights;
}

TEST(FullyShardedTest, GradientsComeThroughFrozenBlocksOfAnotherDtype) {
  const at::Tensor adapter = Drawn({5}, 60, at::kFloat).requires_grad_();
  const at::Tensor expected = TwoNetworks(RunPieces(), WeightsOfTwoNetworks(), adapter);
  const at::Tensor gradient = torch::autograd::grad({expected.sum()}, {adapter})[0];
  for (const int ranks : {2, 3}) {
    RunRanks(ranks, [&](World& world) {
      const std::vector<at::Tensor> weights = WeightsOfTwoNetworks();
      const at::Tensor leaf = Drawn({5}, 60, at::kFloat).requires_grad_();
      std::vector<std::vector<at::Tensor>> blocks;
      for (const at::Tensor& w : weights) blocks.push_back({w});
      FullySharded policy(
          {.parameters = {{"adapter", leaf, leaf}}, .frozen_blocks = blocks, .world = &world});
      for (const bool recompute : {false, true, false}) {
        const at::AutoGradMode with_gradients(true);
        const at::Tensor y = TwoNetworks(policy.Pieces(recompute), weights, leaf);
        EXPECT_TRUE(at::equal(y, expected));
        EXPECT_TRUE(at::equal(torch::autograd::grad({y.sum()}, {leaf})[0], gradient));
        policy.Settle();
      }
    });
  }
}

}  // namespace
}  // namespace draftp
