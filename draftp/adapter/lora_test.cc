#include "draftp/adapter/lora.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

namespace draftp {
namespace {

LoraLayer Layer(int64_t rank) { return {.a = at::ones({rank, 3}), .b = at::ones({5, rank})}; }

TEST(LoraTest, RankIsThatOfTheFactors) { EXPECT_EQ(Layer(4).rank(), 4); }

TEST(LoraTest, SlotsGrowAndKeepWhatIsThere) {
  LoraSlots slots;
  SetLora(slots, 2, Layer(4));
  SetLora(slots, 0, Layer(1));
  ASSERT_EQ(slots.size(), 3u);
  EXPECT_EQ(FindLora(slots, 2)->rank(), 4);
  EXPECT_EQ(FindLora(slots, 0)->rank(), 1);
}

TEST(LoraTest, EmptyAndAbsentSlotsHoldNothing) {
  LoraSlots slots;
  SetLora(slots, 1, Layer(1));
  EXPECT_EQ(FindLora(slots, 0), nullptr);
  EXPECT_EQ(FindLora(slots, 2), nullptr);
  EXPECT_EQ(FindLora(slots, -1), nullptr);
}

TEST(LoraTest, RejectsNegativeIndex) {
  LoraSlots slots;
  EXPECT_THROW(SetLora(slots, -1, Layer(1)), c10::Error);
}

}  // namespace
}  // namespace draftp
