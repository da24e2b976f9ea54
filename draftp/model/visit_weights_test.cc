#include "draftp/model/visit_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "draftp/model/transformer.h"
#include "draftp/testing/hash_tensor.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;

template <class W>
std::vector<std::string> Names(const W& weights) {
  std::vector<std::string> names;
  VisitWeights("x", weights,
               [&names](const std::string& name, const auto&) { names.push_back(name); });
  return names;
}

TEST(VisitWeightsTest, NamesAreThoseOfCheckpoints) {
  EXPECT_THAT(Names(ResnetSkeleton(4, 8, {.time_channels = 2, .groups = 2})),
              ElementsAre("x.norm1", "x.conv1", "x.time_emb_proj", "x.norm2", "x.conv2",
                          "x.conv_shortcut"));
  EXPECT_THAT(
      Names(TransformerSkeleton(4, {.depth = 1, .context = 2, .heads = 1, .groups = 2}).blocks[0]),
      ElementsAre("x.norm1", "x.attn1.to_q", "x.attn1.to_k", "x.attn1.to_v", "x.attn1.to_out.0",
                  "x.norm2", "x.attn2.to_q", "x.attn2.to_k", "x.attn2.to_v", "x.attn2.to_out.0",
                  "x.norm3", "x.ff.net.0.proj", "x.ff.net.2"));
  EXPECT_THAT(Names(EmbeddingMlpSkeleton(2, 2)), ElementsAre("x.linear_1", "x.linear_2"));
}

TEST(VisitWeightsTest, LeavesOutWhatABlockLacks) {
  EXPECT_THAT(Names(ResnetSkeleton(4, 4, {.time_channels = 0, .groups = 2})),
              ElementsAre("x.norm1", "x.conv1", "x.norm2", "x.conv2"));
}

TEST(VisitWeightsTest, TensorsOfFindsWeightsAndFactors) {
  EmbeddingMlpWeights mlp{
      .linear_1 = {.weight = testing::HashTensor("w", {2, 2}), .bias = {}},
      .linear_2 = {.weight = testing::HashTensor("w", {2, 2}).requires_grad_(), .bias = {}}};
  SetLora(mlp.linear_1.adapters, 1,
          {.a = testing::HashTensor("a", {1, 2}),
           .b = testing::HashTensor("b", {2, 1}).requires_grad_()});
  const auto found = TensorsOf(mlp);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_TRUE(found[0].is_same(mlp.linear_1.weight));
  EXPECT_TRUE(found[1].is_same(mlp.linear_1.adapters[1]->a));
  EXPECT_TRUE(found[2].is_same(mlp.linear_1.adapters[1]->b));
  EXPECT_TRUE(found[3].is_same(mlp.linear_2.weight));
}

}  // namespace
}  // namespace draftp
