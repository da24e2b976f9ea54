#include "draftp/model/conditioning.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;
using testing::IsCloseTo;
using testing::IsEqualTo;

constexpr ImageSize kOriginal = {.height = 128, .width = 192};
constexpr ImageSize kTarget = {.height = 64, .width = 96};

at::Tensor ConditioningGolden(const std::string& name, const std::string& key) {
  return *(*SafetensorsFile::Open("testdata/goldens/" + name + ".safetensors"))->Tensor(key);
}

class ConditioningTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    encoders_ =
        new SdxlTextEncoders(*SdxlTextEncoders::Load("testdata/tiny_sdxl", {.dtype = at::kDouble}));
  }
  static void TearDownTestSuite() { delete encoders_; }

  static PromptIds Ids() {
    return {ConditioningGolden("clip_text_tiny", "ids"),
            ConditioningGolden("clip_text_tiny_2", "ids")};
  }
  static Conditioning Encoded() { return *EncodePrompts(*encoders_, Ids(), kOriginal, kTarget); }

  static SdxlTextEncoders* encoders_;
};

SdxlTextEncoders* ConditioningTest::encoders_ = nullptr;

TEST_F(ConditioningTest, ContextJoinsBothPenultimateStates) {
  const at::Tensor first = ConditioningGolden("clip_text_tiny", "penultimate");
  const at::Tensor second = ConditioningGolden("clip_text_tiny_2", "penultimate");
  EXPECT_THAT(Encoded().context, IsCloseTo(at::cat({first, second}, 2), 1e-9));  // [2,77,64+128]
}

TEST_F(ConditioningTest, PooledIsTheSecondEncodersProjection) {
  EXPECT_THAT(Encoded().pooled, IsCloseTo(ConditioningGolden("clip_text_tiny_2", "pooled"), 1e-9));
}

TEST_F(ConditioningTest, TimeIdsAreOriginalCropTargetHeightFirst) {
  const at::Tensor row = at::tensor({128.0, 192.0, 0.0, 0.0, 64.0, 96.0}, at::kFloat);
  EXPECT_THAT(Encoded().time_ids, IsEqualTo(row.expand({2, 6})));
}

TEST_F(ConditioningTest, WithoutNegativePromptTheUnconditionalSideIsZeroButForItsSizes) {
  const Conditioning conditional = Encoded();
  const Conditioning zero = *EncodeUnconditional(*encoders_, std::nullopt, conditional);
  EXPECT_THAT(zero.context, IsEqualTo(at::zeros_like(conditional.context)));
  EXPECT_THAT(zero.pooled, IsEqualTo(at::zeros_like(conditional.pooled)));
  EXPECT_THAT(zero.time_ids, IsEqualTo(conditional.time_ids));
}

TEST_F(ConditioningTest, ANegativePromptIsEncodedForEveryImage) {
  const Conditioning conditional = Encoded();
  const PromptIds second_row = {Ids().first.narrow(0, 1, 1), Ids().second.narrow(0, 1, 1)};
  const Conditioning negative = *EncodeUnconditional(*encoders_, second_row, conditional);
  for (int64_t image = 0; image < 2; ++image) {
    EXPECT_THAT(negative.context[image], IsCloseTo(conditional.context[1], 1e-12));
    EXPECT_THAT(negative.pooled[image], IsCloseTo(conditional.pooled[1], 1e-12));
  }
  EXPECT_THAT(negative.time_ids, IsEqualTo(conditional.time_ids));
}

TEST_F(ConditioningTest, KeepsNoGraph) { EXPECT_FALSE(Encoded().context.requires_grad()); }

TEST_F(ConditioningTest, IdsOfAnotherTokenizerAreAnError) {
  PromptIds ids = Ids();
  ids.second = ids.second + 1;
  EXPECT_FALSE(EncodePrompts(*encoders_, ids, kOriginal, kTarget).ok());
}

TEST_F(ConditioningTest, AFolderWithoutEncodersIsAnError) {
  const auto encoders = SdxlTextEncoders::Load("testdata/configs", {});
  EXPECT_THAT(std::string(encoders.status().message()),
              HasSubstr("testdata/configs/text_encoder/config.json"));
}

}  // namespace
}  // namespace draftp
