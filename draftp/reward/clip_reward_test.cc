#include "draftp/reward/clip_reward.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "draftp/io/safetensors.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsCloseTo;

struct Case {
  std::string golden;
  std::string path;
  std::string name;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.golden; }

const ClipTokenizer& Tokenizer() {
  static const ClipTokenizer tokenizer = *ClipTokenizer::Open("testdata/tiny_sdxl/tokenizer");
  return tokenizer;
}

// Parity with transformers: scores, embeddings, image gradients (testdata/generate/reward.py).
class ClipRewardParityTest : public ::testing::TestWithParam<Case> {
 protected:
  void ExpectParity(at::ScalarType dtype, double tolerance) {
    const auto reward = ClipReward::Load(
        GetParam().path, {.placement = {.dtype = dtype}, .fallback_tokenizer = &Tokenizer()});
    ASSERT_TRUE(reward.ok()) << reward.status();
    EXPECT_EQ(reward->name(), GetParam().name);
    const auto file =
        *SafetensorsFile::Open("testdata/goldens/reward_" + GetParam().golden + ".safetensors");
    const std::string suffix = dtype == at::kDouble ? ".f64" : ".f32";
    const auto golden = [&](const std::string& key) { return *file->Tensor(key + suffix); };
    const std::vector<std::string> captions =
        nlohmann::json::parse(file->metadata().at("captions"));
    const at::Tensor images = file->Tensor("images")->to(dtype).requires_grad_();
    const at::Tensor text = reward->EncodeCaptions(captions);
    const at::Tensor score = reward->Score(images, text);
    EXPECT_EQ(score.scalar_type(), dtype);
    EXPECT_THAT(text, IsCloseTo(golden("text"), tolerance));
    EXPECT_THAT(reward->ImageEmbedding(images), IsCloseTo(golden("image"), tolerance));
    EXPECT_THAT(score, IsCloseTo(golden("score"), tolerance));
    (score * (at::arange(score.size(0), score.options()) + 1)).sum().backward();
    const at::Tensor gradient = images.grad();
    EXPECT_THAT(gradient.slice(2, 0, {}, 3).slice(3, 0, {}, 3),
                IsCloseTo(golden("gradient"), tolerance));
    EXPECT_THAT(gradient.norm(), IsCloseTo(golden("gradient_norm"), tolerance));
  }
};

TEST_P(ClipRewardParityTest, EqualsTransformersInFloat64) { ExpectParity(at::kDouble, 1e-9); }
TEST_P(ClipRewardParityTest, EqualsTransformersInFloat32) { ExpectParity(at::kFloat, 5e-5); }

INSTANTIATE_TEST_SUITE_P(
    AllRewards, ClipRewardParityTest,
    ::testing::Values(Case{"tiny", "testdata/tiny_sdxl/reward_model", "PickScore"},
                      Case{"tiny_wide", "testdata/tiny_sdxl/reward_model", "PickScore"},
                      Case{"gelu_new", "testdata/configs/reward_gelu_new", "PickScore"},
                      Case{"open_clip", "testdata/configs/reward_open_clip", "HPSv2.1"}),
    [](const auto& info) { return info.param.golden; });

}  // namespace
}  // namespace draftp
