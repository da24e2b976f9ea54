#include "draftp/model/weight_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::HashTensor;
using ::testing::HasSubstr;
using testing::IsEqualTo;

const Placement kFloat64{.device = at::kCPU, .dtype = at::kDouble};

WeightMap TwoTensors() {
  return WeightMap::FromTensors({{"l.weight", HashTensor("w", {3, 2}).to(at::kHalf)},
                                 {"l.bias", HashTensor("b", {3})},
                                 {"p.weight", HashTensor("p", {3, 2, 1, 1})},
                                 {"c.weight", HashTensor("c", {3, 2, 3, 3})}},
                                "file");
}

TEST(WeightLoaderTest, TakesShapesOfTheSkeletonAndPlacesThem) {
  WeightMap tensors = TwoTensors();
  WeightLoader load(tensors, kFloat64);
  LinearWeights linear = LinearSkeleton(2, 3), pointwise = LinearSkeleton(2, 3, /*bias=*/false);
  pointwise.pointwise_convolution = true;
  ConvWeights conv = ConvSkeleton(2, 3, 3, 1, /*bias=*/false);
  load("l", linear), load("p", pointwise), load("c", conv);
  EXPECT_TRUE(load.Finish().ok()) << load.Finish();
  EXPECT_THAT(linear.weight, IsEqualTo(HashTensor("w", {3, 2}).to(at::kHalf).to(at::kDouble)));
  EXPECT_THAT(pointwise.weight, IsEqualTo(HashTensor("p", {3, 2})));
  EXPECT_TRUE(conv.weight.is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST(WeightLoaderTest, KeepsTheFirstError) {
  WeightMap tensors = TwoTensors();
  WeightLoader load(tensors, kFloat64);
  LinearWeights linear = LinearSkeleton(5, 3);
  NormWeights norm = LayerNormSkeleton(3);
  load("l", linear), load("absent", norm);
  EXPECT_THAT(load.Finish().ToString(), HasSubstr("l.weight"));
}

TEST(WeightLoaderTest, NamesSomeOfTheTensorsLeftOver) {
  WeightMap tensors = TwoTensors();
  const std::string message = WeightLoader(tensors, kFloat64).Finish().ToString();
  EXPECT_THAT(
      message,
      HasSubstr("file: the model has no place for tensor c.weight, l.bias, l.weight and 1 more"));
}

}  // namespace
}  // namespace draftp
