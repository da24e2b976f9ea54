#include "draftp/model/stacked_linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <string>

#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::HashTensor;
using testing::IsCloseTo;
using testing::IsEqualTo;

constexpr int64_t kIn = 6;

LoraLayer Lora(const std::string& name, int64_t rank, int64_t out, double scale = 0.5) {
  return {.a = HashTensor(name + "a", {rank, kIn}),
          .b = HashTensor(name + "b", {out, rank}),
          .scale = scale};
}

LinearWeights Layer(const std::string& name) {
  return {.weight = HashTensor(name, {4, kIn}), .bias = {}};
}

// Three layers of one input, as an attention's q, k and v.
struct Three {
  LinearWeights q = Layer("q"), k = Layer("k"), v = Layer("v");

  std::vector<LinearWeights*> layers() { return {&q, &k, &v}; }
  std::vector<const LinearWeights*> reading() const { return {&q, &k, &v}; }
};

Three WithAdapters() {
  Three three;
  SetLora(three.q.adapters, 0, Lora("q0", 2, 4));
  SetLora(three.k.adapters, 0, Lora("k0", 2, 4));
  SetLora(three.v.adapters, 0, Lora("v0", 2, 4));
  SetLora(three.q.adapters, 2, Lora("q2", 1, 4, 2.0));  // of another rank, and not of k
  SetLora(three.v.adapters, 2, Lora("v2", 3, 4));
  return three;
}

bool OfOneProduct(const std::vector<at::Tensor>& results) {
  return results[0].storage().is_alias_of(results.back().storage());
}

// The layers stacked give, as columns of one product, what each gives alone.
void ExpectSameAsAlone(const at::Tensor& x, const AdapterRows& rows) {
  const at::NoGradGuard no_grad;
  const Three plain = WithAdapters();
  Three stacked = WithAdapters();
  StackLayers(stacked.layers());
  const auto results = StackedLinear(x, stacked.reading(), rows);
  ASSERT_EQ(results.size(), 3);
  EXPECT_TRUE(OfOneProduct(results));
  for (size_t i = 0; i < 3; ++i)
    EXPECT_THAT(results[i], IsCloseTo(Linear(x, *plain.reading()[i], rows), 1e-14)) << i;
}

TEST(StackedLinearTest, IsEachLayerAlone) {
  const at::Tensor x = HashTensor("x", {5, 3, kIn});
  const AdapterRange first{.adapter = 0, .begin = 1, .end = 4},
      second{.adapter = 2, .begin = 2, .scale = 0.25};
  for (const AdapterRows& rows : std::vector<AdapterRows>{{},
                                                          {first},
                                                          {second},
                                                          {first, second},
                                                          {second, first},
                                                          {first, first},
                                                          {{.adapter = 1}},
                                                          {{.adapter = 7}},
                                                          {{.adapter = 0, .begin = 2, .end = 2}}}) {
    ExpectSameAsAlone(x, rows);
  }
  ExpectSameAsAlone(HashTensor("flat", {5, kIn}), {first});
}

TEST(StackedLinearTest, OneLayerHasItsAdapterInTheProduct) {
  const at::NoGradGuard no_grad;
  LinearWeights layer = Layer("q");
  SetLora(layer.adapters, 0, Lora("q0", 2, 4));
  const at::Tensor x = HashTensor("x", {5, 3, kIn}), alone = Linear(x, layer, OnAllRows(0));
  StackLayers({&layer});
  const at::Tensor together = StackedLinear(x, {&layer}, OnAllRows(0))[0];
  EXPECT_THAT(together, IsCloseTo(alone, 1e-14));
  EXPECT_EQ(together.stride(1), 4 + 2);
}

TEST(StackedLinearTest, WithoutStackingEachLayerStandsAlone) {
  const at::NoGradGuard no_grad;
  const Three plain = WithAdapters();
  const at::Tensor x = HashTensor("x", {5, kIn});
  const auto results = StackedLinear(x, plain.reading(), OnAllRows(0));
  EXPECT_FALSE(OfOneProduct(results));
  EXPECT_THAT(results[1], IsEqualTo(Linear(x, plain.k, OnAllRows(0))));
}

TEST(StackedLinearTest, AnAdapterThatCameAfterStackingStillActs) {
  const at::NoGradGuard no_grad;
  Three three = WithAdapters();
  StackLayers(three.layers());
  SetLora(three.k.adapters, 1, Lora("k1", 2, 4));
  const at::Tensor x = HashTensor("x", {5, kIn});
  EXPECT_THAT(StackedLinear(x, three.reading(), OnAllRows(1))[1],
              IsCloseTo(Linear(x, three.k, OnAllRows(1)), 1e-14));
  StackLayers(three.layers());
  const auto results = StackedLinear(x, three.reading(), OnAllRows(1));
  EXPECT_TRUE(OfOneProduct(results));
  EXPECT_THAT(results[1], IsCloseTo(Linear(x, three.k, OnAllRows(1)), 1e-14));
}

TEST(StackedLinearTest, GradientsAreThoseOfTheLayersAlone) {
  Three three = WithAdapters();
  at::Tensor a = three.v.adapters[0]->a.requires_grad_();
  at::Tensor x = HashTensor("x", {5, kIn}).requires_grad_();
  const auto gradients = [&] {
    const auto results = StackedLinear(x, three.reading(), OnAllRows(0));
    const at::Tensor sum = results[0] + results[1] * 2 + results[2] * 3;
    return torch::autograd::grad({(sum * HashTensor("r", {5, 4})).sum()}, {x, a});
  };
  const auto before = gradients();
  StackLayers(three.layers());
  const auto after = gradients();
  for (int i = 0; i < 2; ++i) EXPECT_THAT(after[i], IsCloseTo(before[i], 1e-13)) << i;
}

TEST(StackedLinearTest, AnOptimisersLeafGoesAlong) {
  Three three = WithAdapters();
  const at::Tensor leaf = three.q.adapters[0]->b.requires_grad_();
  StackLayers(three.layers());
  EXPECT_TRUE(three.q.adapters[0]->b.is_same(leaf));
  EXPECT_TRUE(leaf.is_leaf() && leaf.requires_grad());
  const at::NoGradGuard no_grad;
  leaf.zero_();
  const at::Tensor x = HashTensor("x", {5, kIn});
  EXPECT_THAT(StackedLinear(x, three.reading(), OnAllRows(0))[0],
              IsCloseTo(Linear(x, three.q), 1e-14));
}

TEST(StackedLinearTest, ANetworkThatSharesLayersGoesAlongAndStackingTwiceMovesNothing) {
  Three three = WithAdapters();
  const Three shares = three;
  StackLayers(three.layers());
  EXPECT_EQ(shares.k.weight.data_ptr(), three.k.weight.data_ptr());
  const void* const before = three.q.weight.data_ptr();
  StackLayers(three.layers());
  EXPECT_EQ(three.q.weight.data_ptr(), before);
}

TEST(StackedLinearTest, LayersWithBiasesOrOfSeveralDtypesAreLeftAlone) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = HashTensor("x", {5, kIn});
  Three three;
  three.k.bias = HashTensor("bias", {4});
  StackLayers(three.layers());
  auto results = StackedLinear(x, three.reading());
  EXPECT_FALSE(OfOneProduct(results));
  EXPECT_THAT(results[1], IsEqualTo(Linear(x, three.k)));
  Three mixed = WithAdapters();
  mixed.q.adapters[0]->b = mixed.q.adapters[0]->b.to(at::kFloat);
  StackLayers(mixed.layers());
  results = StackedLinear(x, mixed.reading(), OnAllRows(0));
  EXPECT_THAT(results[0], IsEqualTo(Linear(x, mixed.q, OnAllRows(0))));
}

TEST(StackedLinearTest, NoRowsGiveNoRows) {
  const at::NoGradGuard no_grad;
  Three three;
  StackLayers(three.layers());
  EXPECT_EQ(StackedLinear(at::zeros({0, 3, kIn}, at::kDouble), three.reading())[2].sizes(),
            at::IntArrayRef({0, 3, 4}));
}

TEST(StackedLinearTest, RejectsARangeBeyondTheBatch) {
  const at::NoGradGuard no_grad;
  Three three = WithAdapters();
  StackLayers(three.layers());
  EXPECT_THROW(StackedLinear(HashTensor("x", {5, kIn}), three.reading(),
                             {{.adapter = 0, .begin = 0, .end = 6}}),
               c10::Error);
}

}  // namespace
}  // namespace draftp
