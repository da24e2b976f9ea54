#include "draftp/model/unet.h"

#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <map>
#include <string>
#include <utility>

#include "draftp/model/unet_fixture.h"
#include "draftp/testing/kept_bytes.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(UNetTest, TinyModelEqualsDiffusersInFloat64) {
  EXPECT_THAT(Predict(TinyUNet(at::kDouble), 4), IsCloseTo(Golden("unet_tiny", "output"), 1e-9));
}

TEST(UNetTest, TinyModelEqualsDiffusersInFloat32) {
  EXPECT_THAT(Predict(TinyUNet(at::kFloat), 4), IsCloseTo(Golden("unet_tiny", "output"), 2e-5));
}

TEST(UNetTest, RunsInBFloat16) {
  const at::Tensor out = Predict(TinyUNet(at::kBFloat16), 4);
  EXPECT_EQ(out.scalar_type(), at::kBFloat16);
  EXPECT_THAT(out, IsCloseTo(Golden("unet_tiny", "output"), 5e-2));
}

TEST(UNetTest, OneTimeServesAllRows) {
  const UNet unet = TinyUNet(at::kDouble);
  const at::Tensor time = at::scalar_tensor(731.0, at::kFloat);
  const at::Tensor out =
      UNetForward(unet, Sample(unet, 2), time, Prepare(unet, Conditioning(unet, 2)));
  EXPECT_THAT(out, IsCloseTo(Golden("unet_tiny", "output_of_one_time"), 1e-9));
}

class SmallUNetTest : public ::testing::TestWithParam<std::string> {};

TEST_P(SmallUNetTest, EqualsDiffusersInFloat64) {
  EXPECT_THAT(Predict(SmallUNet(GetParam(), at::kDouble), 2),
              IsCloseTo(Golden("unet_" + GetParam(), "output"), 1e-9));
}

TEST_P(SmallUNetTest, EqualsDiffusersInFloat32) {
  EXPECT_THAT(Predict(SmallUNet(GetParam(), at::kFloat), 2),
              IsCloseTo(Golden("unet_" + GetParam(), "output"), 2e-5));
}

TEST_P(SmallUNetTest, TakesSizesThatTheDownsamplingDoesNotDivide) {
  const UNet unet = SmallUNet(GetParam(), at::kDouble);
  const at::Tensor out =
      UNetForward(unet, Sample(unet, 1, 10, 7), Times(1), Prepare(unet, Conditioning(unet, 1)));
  EXPECT_THAT(out, IsCloseTo(Golden("unet_" + GetParam(), "odd_output"), 1e-9));
}

TEST_P(SmallUNetTest, SampleGradientEqualsDiffusers) {
  const UNet unet = SmallUNet(GetParam(), at::kDouble);
  const at::Tensor sample = Sample(unet, 2).requires_grad_();
  const at::Tensor out = UNetForward(unet, sample, Times(2), Prepare(unet, Conditioning(unet, 2)));
  (out * HashTensor("objective", out.sizes().vec())).sum().backward();
  EXPECT_THAT(sample.grad(), IsCloseTo(Golden("unet_" + GetParam(), "sample_gradient"), 1e-9));
}

// Parity above would prove little about attention whose weights are all alike.
TEST_P(SmallUNetTest, AttentionIsFarFromUniform) {
  UNet unet = SmallUNet(GetParam(), at::kDouble);
  const at::Tensor out = Predict(unet, 2);
  VisitCrossAttentions(
      unet, [](AttentionWeights& layer) { layer.to_q.weight = at::zeros_like(layer.to_q.weight); });
  EXPECT_GT(RelativeError(Predict(unet, 2), out), 2e-2);
}

INSTANTIATE_TEST_SUITE_P(Configs, SmallUNetTest,
                         ::testing::Values("conv_projection", "deep", "v_prediction", "mid_resnet",
                                           "no_mid"));

TEST(UNetTest, TwoSwappedBlocksAreNoticed) {
  const at::Tensor golden = Golden("unet_tiny", "output");
  UNet unet = TinyUNet(at::kDouble);
  auto& transformers = unet.mid_block.attentions.front().blocks;
  std::swap(transformers[0], transformers[1]);
  EXPECT_GT(RelativeError(Predict(unet, 4, {}, KeysAndValues::kInForward), golden), 1e-3);
  std::swap(transformers[0], transformers[1]);
  auto& resnets = unet.down_blocks[1].resnets;
  std::swap(resnets[1], unet.up_blocks[1].resnets[2]);  // other widths: no checkpoint would load so
  EXPECT_ANY_THROW(Predict(unet, 4));
  std::swap(resnets[1], unet.up_blocks[1].resnets[2]);
  std::swap(unet.mid_block.resnets[0], unet.mid_block.resnets[1]);
  EXPECT_GT(RelativeError(Predict(unet, 4), golden), 1e-3);
}

// Gradients with everything kept, and with blocks recomputed; `kept`: bytes between forward and
// backward pass.
std::map<std::string, at::Tensor> Gradients(bool recompute, int64_t& kept) {
  UNet unet = SmallUNet("deep", at::kDouble);
  std::map<std::string, at::Tensor> leaves{
      {"sample", Sample(unet, 2).requires_grad_()},
      {"context", Context(unet, 2).requires_grad_()},
      {"added", HashTensor("added", {2, 64}).requires_grad_()}};
  VisitWeights(unet, [&leaves](const std::string& name, auto& layer) {
    if (name.find("blocks") != std::string::npos) leaves[name] = layer.weight.requires_grad_();
  });
  const Prepared prepared{.prompt = {.context = leaves["context"], .keys_values = {}},
                          .added = leaves["added"],
                          .rows = {}};
  at::Tensor out;
  {
    const testing::KeptBytes bytes;
    out = UNetForward(unet, leaves["sample"], Times(2), prepared, {},
                      {.pieces = RecomputeIf(recompute)});
    kept = bytes();
  }
  (out * HashTensor("objective", out.sizes().vec())).sum().backward();
  for (auto& [name, leaf] : leaves) leaf = leaf.grad();
  return leaves;
}

TEST(UNetTest, RecomputedGradientsEqualTheKeptOnes) {
  int64_t kept_bytes = 0, recomputed_bytes = 0;
  const auto kept = Gradients(false, kept_bytes), recomputed = Gradients(true, recomputed_bytes);
  for (const auto& [name, gradient] : kept) {
    EXPECT_THAT(recomputed.at(name), IsCloseTo(gradient, 1e-13)) << name;
  }
  EXPECT_LT(recomputed_bytes, kept_bytes / 3);
}

TEST(UNetTest, InferenceKeepsChannelsLast) {
  const at::Tensor out = Predict(SmallUNet("deep", at::kFloat), 2);
  EXPECT_TRUE(out.is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST(UNetTest, RejectsConditioningOfOtherRowsOrAdapters) {
  const UNet unet = SmallUNet("deep", at::kFloat);
  const Prepared prepared = Prepare(unet, Conditioning(unet, 2));
  EXPECT_THROW(UNetForward(unet, Sample(unet, 1), Times(1), prepared), c10::Error);
  EXPECT_THROW(UNetForward(unet, Sample(unet, 2), Times(2), prepared, OnAllRows(0)), c10::Error);
  EXPECT_THROW(UNetForward(unet, Sample(unet, 2), Times(1), prepared), c10::Error);
}

// The tensors of a checkpoint for a skeleton, in the shapes that files have.
std::map<std::string, at::Tensor> Checkpoint(UNet unet) {
  std::map<std::string, at::Tensor> tensors;
  VisitWeights(unet, [&tensors](const std::string& name, auto& layer) {
    FormulaWeights(OnCpu(at::kDouble))(name, layer);
    tensors[name + ".weight"] = layer.weight;
    if constexpr (requires { layer.pointwise_convolution; }) {
      if (layer.pointwise_convolution)
        tensors[name + ".weight"] = layer.weight.unsqueeze(-1).unsqueeze(-1);
    }
    if (layer.bias.defined()) tensors[name + ".bias"] = layer.bias;
  });
  return tensors;
}

absl::Status LoadStatus(std::map<std::string, at::Tensor> tensors) {
  const UNet unet = SmallUNet("conv_projection", at::kDouble);
  return UNet::FromWeights(unet.config,
                           WeightMap::FromTensors(std::move(tensors), "unet.safetensors"), {})
      .status();
}

TEST(UNetTest, LoadsConvolutionalProjectionsInTheirFileShape) {
  const UNet unet = SmallUNet("conv_projection", at::kDouble);
  const UNet loaded = Value(
      UNet::FromWeights(unet.config, WeightMap::FromTensors(Checkpoint(unet)), OnCpu(at::kDouble)));
  EXPECT_THAT(Predict(loaded, 2), IsEqualTo(Predict(unet, 2)));
}

TEST(UNetTest, MissingTensorIsNamed) {
  auto tensors = Checkpoint(SmallUNet("conv_projection", at::kDouble));
  tensors.erase("mid_block.resnets.1.conv2.bias");
  EXPECT_THAT(LoadStatus(tensors).ToString(), HasSubstr("mid_block.resnets.1.conv2.bias"));
}

TEST(UNetTest, MisshapenTensorIsNamedWithBothShapes) {
  auto tensors = Checkpoint(SmallUNet("conv_projection", at::kDouble));
  auto& tensor = tensors["up_blocks.0.resnets.0.norm2.weight"];
  tensor = tensor.narrow(0, 0, 63);
  const std::string message = LoadStatus(tensors).ToString();
  EXPECT_THAT(message, HasSubstr("up_blocks.0.resnets.0.norm2.weight"));
  EXPECT_THAT(message, HasSubstr("63"));
  EXPECT_THAT(message, HasSubstr("64"));
}

TEST(UNetTest, TensorWithoutAPlaceIsNamed) {
  auto tensors = Checkpoint(SmallUNet("conv_projection", at::kDouble));
  tensors["class_embedding.weight"] = HashTensor("class", {3});
  const std::string message = LoadStatus(tensors).ToString();
  EXPECT_THAT(message, HasSubstr("unet.safetensors"));
  EXPECT_THAT(message, HasSubstr("class_embedding.weight"));
  EXPECT_THAT(message, Not(HasSubstr("\n")));
}

TEST(UNetTest, FolderWithoutAModelIsNamed) {
  EXPECT_THAT(UNet::Load("testdata/nowhere", {}).status().ToString(),
              HasSubstr("testdata/nowhere"));
}

}  // namespace
}  // namespace draftp::testing
