#include "draftp/shard/sharding_memory.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <torch/csrc/autograd/autograd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "draftp/shard/any_sharding_policy.h"
#include "draftp/shard/world_fixture.h"

namespace draftp {
namespace {

// Counts what LibTorch's tensors of a CPU take, from its making to the end of the process.
class CountedMemory : public c10::Allocator {
 public:
  static CountedMemory& Instance() {
    static CountedMemory& counted = *new CountedMemory();
    return counted;
  }

  int64_t Live() const { return live_; }
  // Once at most `bytes` are there, or after ten seconds: Gloo's threads let go of an operation's
  // tensors a moment after its `wait` has returned.
  int64_t LiveOnceAtMost(int64_t bytes) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (live_ > bytes && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return live_;
  }

  c10::DataPtr allocate(size_t bytes) override {
    void* const memory = std::aligned_alloc(kAlignment, (bytes / kAlignment + 1) * kAlignment);
    live_ += static_cast<int64_t>(malloc_usable_size(memory));
    return {memory, memory, &Free, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &Free; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

 private:
  static constexpr size_t kAlignment = 64;

  CountedMemory() { c10::SetCPUAllocator(this, /*priority=*/100); }
  static void Free(void* memory) {
    Instance().live_ -= static_cast<int64_t>(malloc_usable_size(memory));
    std::free(memory);
  }

  std::atomic<int64_t> live_ = 0;
};

constexpr int64_t kWidth = 96, kTrained = 4, kFrozen = 3;

// Layers of which some are trained, each a piece, and a trained factor outside of pieces.
struct Layers {
  Parameters parameters;
  std::vector<at::Tensor> weights;
  ShardingArguments arguments;

  explicit Layers(bool mixed) {
    const auto random = [](at::IntArrayRef sizes) {
      return at::randn(sizes, at::detail::createCPUGenerator(1), at::kFloat);
    };
    const auto train = [&](const std::string& name, const at::Tensor& value) {
      const at::Tensor leaf = mixed ? value.to(at::kBFloat16) : value;
      parameters.push_back({name, value, leaf.requires_grad_()});
    };
    for (int64_t i = 0; i < kTrained; ++i) {
      train("w" + std::to_string(i), random({kWidth, kWidth}));
      weights.push_back(parameters.back().leaf);
      arguments.blocks.push_back({static_cast<size_t>(i)});
    }
    for (int64_t i = 0; i < kFrozen; ++i) {
      const at::Tensor w = random({kWidth, kWidth});
      weights.push_back(mixed ? w.to(at::kBFloat16) : w);
      arguments.frozen_blocks.push_back({weights.back()});
    }
    train("factor", random({kWidth, kWidth}));
    arguments.parameters = parameters;
  }

  std::vector<at::Tensor> Gradients(const AnyPiecePolicy& pieces) const {
    const at::AutoGradMode with_gradients(true);
    at::Tensor y = parameters.back().leaf;
    for (const at::Tensor& w : weights) {
      y = pieces([w](at::TensorList in) { return at::matmul(w, in[0]).tanh(); }, {y},
                 [w] { return std::vector<at::Tensor>{w}; });
    }
    std::vector<at::Tensor> leaves;
    for (const Parameter& parameter : parameters) leaves.push_back(parameter.leaf);
    return torch::autograd::grad({y.sum()}, leaves, {}, false, false, /*allow_unused=*/true);
  }
};

struct MemoryCase {
  int ranks;
  bool ordered, mixed;
};

// What is there after the last of two micro batches, beside what was there before, a rank; at most
// `allowed` as soon as that is so.
int64_t Held(const std::string& policy, const MemoryCase& c, double allowed) {
  int64_t before = 0, after = 0;
  RunRanks(c.ranks, [&](World& world) {
    Layers layers(c.mixed);
    layers.arguments.ordered = c.ordered;
    layers.arguments.world = &world;
    layers.arguments.optimizer.ema_decay = 0.9;
    layers.arguments.bucket_bytes = 1000;
    world.Agree("all have their layers", absl::OkStatus()).IgnoreError();
    if (world.first()) before = CountedMemory::Instance().Live();
    world.Agree("it is counted", absl::OkStatus()).IgnoreError();
    AnyShardingPolicy member(kShardingPolicies.Find(policy)->make(layers.arguments));
    member.Begin(2);
    for (int m = 0; m < 2; ++m) {
      auto gradients = layers.Gradients(member.Pieces(/*recompute=*/false));
      member.Settle();
      member.Add(0, std::move(gradients));
      member.Finish();
    }
    member.GradientNorm();
    world.Agree("all have their sums", absl::OkStatus()).IgnoreError();
    if (world.first()) {
      const auto most = before + static_cast<int64_t>(allowed * c.ranks);
      after = CountedMemory::Instance().LiveOnceAtMost(most);
    }
    world.Agree("it is counted", absl::OkStatus()).IgnoreError();
  });
  return (after - before) / c.ranks;
}

TEST(ShardingMemoryTest, IsWhatAPolicyHolds) {
  CountedMemory::Instance();
  for (const auto& member : kShardingPolicies) {
    const std::string policy(member.name);
    for (const MemoryCase& c :
         {MemoryCase{1, false, false}, MemoryCase{1, true, false}, MemoryCase{2, false, false},
          MemoryCase{4, false, false}, MemoryCase{4, false, true}, MemoryCase{3, true, false}}) {
      Layers layers(c.mixed);
      layers.arguments.ordered = c.ordered;
      layers.arguments.optimizer.ema_decay = 0.9;
      layers.arguments.bucket_bytes = 1000;
      const ShardingMemory memory = ShardingMemoryOf(policy, layers.arguments, c.ranks, 2);
      const auto told = static_cast<double>(memory.lasting() - memory.gone());
      const double whole = (kTrained + 1) * kWidth * kWidth * sizeof(float);
      const double allowed = told + 0.12 * whole;
      const auto held = static_cast<double>(Held(policy, c, allowed));
      // Sums of the micro batch that has just ended are gone again.
      EXPECT_LE(held, allowed) << policy << " " << c.ranks << c.ordered << c.mixed;
      EXPECT_GE(held, told - 1.3 * whole / (c.ordered ? 1 : c.ranks) - 0.05 * whole)
          << policy << " " << c.ranks << c.ordered << c.mixed;
    }
  }
}

TEST(ShardingMemoryTest, DividesWhatThePolicyDivides) {
  Layers layers(/*mixed=*/true);
  const auto of = [&](const std::string& policy, int ranks) {
    return ShardingMemoryOf(policy, layers.arguments, ranks, 2);
  };
  constexpr int64_t kLayer = kWidth * kWidth * 4;
  EXPECT_EQ(of("replicated", 8).moments, 2 * (kTrained + 1) * kLayer);
  EXPECT_EQ(of("replicated", 8).gone(), 0);
  EXPECT_EQ(of("sharded_optimizer", 8).moments, 2 * (kTrained + 1) * kLayer / 8);
  EXPECT_EQ(of("fully_sharded", 8).moments, 2 * (kTrained + 1) * kLayer / 8);
  EXPECT_EQ(of("fully_sharded", 8).frozen_gone, kFrozen * kLayer / 2 * 7 / 8);
  EXPECT_EQ(of("fully_sharded", 8).values_gone, kTrained * kLayer);
  EXPECT_EQ(of("fully_sharded", 8).leaves_gone, kTrained * kLayer / 2);
  EXPECT_EQ(of("fully_sharded", 1).gone(), 0);
}

}  // namespace
}  // namespace draftp
