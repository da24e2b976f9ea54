// Tests of the noise source chosen by name.
#include "draftp/sampling/any_noise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using ::testing::ElementsAre;

const std::vector<int64_t> kFirst = {0, 1}, kSecond = {2};

TEST(AnyNoiseTest, ListsItsNames) {
  EXPECT_THAT(NoiseStreams::Names(), ElementsAre("per_image", "original"));
}

TEST(AnyNoiseTest, PerImageSeedsEachBatchByItsImages) {
  const NoiseStreams streams = *NoiseStreams::Named("per_image", 7, 3);
  PerImageNoise expected(7, kSecond);
  streams.ForBatch(kFirst).Initial({2, 4, 2, 2});
  AnyNoise noise = streams.ForBatch(kSecond);
  const at::Tensor initial = noise.Initial({1, 4, 2, 2});
  EXPECT_THAT(initial, IsEqualTo(expected.Initial({1, 4, 2, 2})));
  EXPECT_THAT(noise.Like(initial), IsEqualTo(expected.Like(initial)));
}

TEST(AnyNoiseTest, OriginalGoesOnOverBatches) {
  const NoiseStreams streams = *NoiseStreams::Named("original", 7, 3);
  OriginalNoise expected(7, 3);
  EXPECT_THAT(streams.ForBatch(kFirst).Initial({2, 4, 2, 2}),
              IsEqualTo(expected.Initial({2, 4, 2, 2})));
  EXPECT_THAT(streams.ForBatch(kSecond).Initial({1, 4, 2, 2}),
              IsEqualTo(expected.Initial({1, 4, 2, 2})));
}

// Every weight type sees the same noise.
TEST(AnyNoiseTest, MadeAfreshItStartsAgain) {
  for (const std::string& name : NoiseStreams::Names()) {
    const NoiseStreams one = *NoiseStreams::Named(name, 7, 0),
                       other = *NoiseStreams::Named(name, 7, 0);
    one.ForBatch(kFirst).Initial({2, 4, 2, 2});
    EXPECT_THAT(NoiseStreams::Named(name, 7, 0)->ForBatch(kFirst).Initial({2, 4, 2, 2}),
                IsEqualTo(other.ForBatch(kFirst).Initial({2, 4, 2, 2})));
  }
}

TEST(AnyNoiseTest, AnUnknownNameIsAnErrorThatListsThem) {
  const absl::Status status = NoiseStreams::Named("per_rank", 7, 0).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "noise: found 'per_rank', expected one of per_image, original");
}

}  // namespace
}  // namespace draftp::testing
