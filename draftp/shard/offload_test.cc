// Tests of weights that lie on the host, with the CPU as their device.
#include "draftp/shard/offload.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace draftp {
namespace {

at::Tensor Normal(at::IntArrayRef sizes, uint64_t seed) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed), at::kFloat);
}

bool IsThere(const at::Tensor& tensor) { return tensor.storage().data() != nullptr; }

TEST(IdleWeightsTest, WeightsAreThereWithinAUseAlone) {
  const at::Tensor a = Normal({3, 2}, 1),
                   image = Normal({2, 3, 2, 2}, 2).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor handle = image;
  IdleWeights idle({a, image, a});
  EXPECT_EQ(idle.bytes(), (6 + 24) * 4);
  EXPECT_FALSE(IsThere(a));
  EXPECT_FALSE(IsThere(handle));
  for (int round = 0; round < 2; ++round) {
    const IdleWeights::Use use(&idle);
    EXPECT_TRUE(at::equal(a, Normal({3, 2}, 1)));
    EXPECT_TRUE(at::equal(handle, Normal({2, 3, 2, 2}, 2)));
    EXPECT_TRUE(image.is_contiguous(at::MemoryFormat::ChannelsLast));
    {
      const IdleWeights::Use inner(&idle);
    }
    EXPECT_TRUE(IsThere(a));
  }
  EXPECT_FALSE(IsThere(a));
}

TEST(IdleWeightsTest, AUseOfNoneIsNothing) { const IdleWeights::Use use(nullptr); }

// Layers of a chain, and what stays beside them.
TEST(StreamedPiecesTest, PiecesReadTheirWeightsWhileTwoBlocksAreThereAtMost) {
  std::vector<at::Tensor> weights, copies;
  std::vector<std::vector<at::Tensor>> blocks;
  for (uint64_t i = 0; i < 5; ++i) {
    weights.push_back(Normal({4, 4}, i));
    copies.push_back(weights.back().clone());
    blocks.push_back({weights.back()});
  }
  const at::Tensor beside = Normal({4}, 9), x = Normal({3, 4}, 10);
  const StreamedPieces pieces(blocks);
  const auto run = [&](const std::vector<at::Tensor>& layers, const AnyPiecePolicy& policy) {
    at::Tensor y = x;
    for (const at::Tensor& w : layers) {
      y = policy([&](at::TensorList in) { return at::matmul(in[0], w) + beside; }, {y},
                 [&] { return std::vector<at::Tensor>{w, beside}; });
      if (!policy.weights_stay()) {
        EXPECT_LE(std::ranges::count_if(weights, IsThere), 2);
      }
    }
    return y;
  };
  const at::NoGradGuard no_grad;
  EXPECT_FALSE(AnyPiecePolicy(pieces).weights_stay());
  for (int round = 0; round < 3; ++round)
    EXPECT_TRUE(at::equal(run(weights, pieces), run(copies, RunPieces())));
}

TEST(StreamedPiecesTest, GradientsAreRefused) {
  const at::Tensor w = Normal({2}, 1);
  const StreamedPieces pieces({{w}});
  EXPECT_ANY_THROW(pieces([](at::TensorList in) { return in[0] * 2; }, {Normal({2}, 3)},
                          [&] { return std::vector<at::Tensor>{w}; }));
}

}  // namespace
}  // namespace draftp
