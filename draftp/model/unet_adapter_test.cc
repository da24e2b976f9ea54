#include "draftp/model/unet_adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "draftp/model/unet_fixture.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using ::testing::HasSubstr;

LoraAdapter Mixed() { return Value(ReadLoraFile("testdata/goldens/unet_lora.safetensors")); }

UNet Adapted(at::ScalarType dtype) {
  UNet unet = TinyUNet(dtype);
  const absl::Status attached = AttachLora(unet, Mixed(), 0);
  TORCH_CHECK(attached.ok(), attached.ToString());
  return unet;
}

TEST(UNetAdapterTest, MixedRanksAndAlphasEqualPeftInFloat64) {
  EXPECT_THAT(Predict(Adapted(at::kDouble), 4, OnAllRows(0)),
              IsCloseTo(Golden("unet_tiny", "lora_output"), 1e-9));
}

TEST(UNetAdapterTest, MixedRanksAndAlphasEqualPeftInFloat32) {
  EXPECT_THAT(Predict(Adapted(at::kFloat), 4, OnAllRows(0)),
              IsCloseTo(Golden("unet_tiny", "lora_output"), 2e-5));
}

TEST(UNetAdapterTest, BaseAndTunedRowsShareABatch) {
  const at::Tensor out = Predict(Adapted(at::kDouble), 4, {{.adapter = 0, .begin = 2, .end = 4}});
  EXPECT_THAT(out.narrow(0, 0, 2), IsCloseTo(Golden("unet_tiny", "output").narrow(0, 0, 2), 1e-9));
  EXPECT_THAT(out.narrow(0, 2, 2),
              IsCloseTo(Golden("unet_tiny", "lora_output").narrow(0, 2, 2), 1e-9));
}

TEST(UNetAdapterTest, GradientsEqualPeft) {
  UNet unet = Adapted(at::kDouble);
  const std::string golden = "lora_gradient.";
  std::map<std::string, at::Tensor> leaves{{"sample", Sample(unet, 4).requires_grad_()}};
  VisitWeights(unet, [&](const std::string& name, auto& layer) {
    if constexpr (requires { layer.adapters; }) {
      if (name != "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q" &&
          name != "mid_block.attentions.0.transformer_blocks.0.attn2.to_k" &&
          name != "up_blocks.0.attentions.2.transformer_blocks.1.ff.net.0.proj" &&
          name != "up_blocks.1.attentions.0.transformer_blocks.0.attn2.to_out.0") {
        return;
      }
      leaves[name + ".lora_A"] = layer.adapters[0]->a.requires_grad_();
      leaves[name + ".lora_B"] = layer.adapters[0]->b.requires_grad_();
    }
  });
  ASSERT_EQ(leaves.size(), 9u);
  const Prepared prepared = Prepare(unet, Conditioning(unet, 4), OnAllRows(0));
  const at::Tensor out = UNetForward(unet, leaves["sample"], Times(4), prepared, OnAllRows(0));
  (out * HashTensor("objective", out.sizes().vec())).sum().backward();
  for (const auto& [name, leaf] : leaves) {
    EXPECT_THAT(leaf.grad(), IsCloseTo(Golden("unet_tiny", golden + name), 1e-9)) << name;
  }
}

// peft on conv_in, proj_in (1x1), conv1, conv_shortcut, the downsampler and time_emb_proj: rank 3,
// alpha 6.
LoraAdapter OfConvolutions(UNet& unet) {
  LoraAdapter adapter{.source = "formula", .layers = {}};
  VisitWeights(unet, [&adapter](const std::string& name, auto& layer) {
    if constexpr (requires { layer.adapters; }) {
      bool wanted = name == "conv_in";
      for (const char* end :
           {".proj_in", ".conv1", ".conv_shortcut", ".downsamplers.0.conv", ".time_emb_proj"}) {
        wanted |= name.ends_with(end);
      }
      if (!wanted) return;
      std::vector<int64_t> a = layer.weight.sizes().vec(), b{a[0], 3};
      if (name.ends_with(".proj_in")) a.insert(a.end(), {1, 1});
      a[0] = 3;
      if (a.size() == 4) b.insert(b.end(), {1, 1});
      const auto half = [](const at::Tensor& x) { return x.to(at::kHalf).to(at::kDouble); };
      const double fan_in =
          static_cast<double>(layer.weight.numel()) / static_cast<double>(layer.weight.size(0));
      adapter.layers[name] = {.a = half(HashTensor(name + ".lora_A", a) / std::sqrt(fan_in)),
                              .b = half(0.5 * HashTensor(name + ".lora_B", b) / std::sqrt(3.0)),
                              .scale = 2.0};
    }
  });
  return adapter;
}

TEST(UNetAdapterTest, AdaptersOfConvolutionsEqualPeft) {
  UNet unet = SmallUNet("conv_projection", at::kDouble);
  ASSERT_TRUE(AttachLora(unet, OfConvolutions(unet), 0).ok());
  EXPECT_THAT(Predict(unet, 2, OnAllRows(0)),
              IsCloseTo(Golden("unet_conv_projection", "convolution_lora_output"), 1e-9));
}

// As programs of Stable Diffusion 1 write projections, and others 1x1 convolutions.
TEST(UNetAdapterTest, APointwiseFactorMayHaveAKernelOrNone) {
  const std::string linear = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q",
                    convolution = "down_blocks.1.resnets.0.conv_shortcut";
  const auto attached = [&](bool other_form) {
    UNet unet = TinyUNet(at::kDouble);
    LoraAdapter adapter{.source = "a.safetensors", .layers = {}};
    VisitWeights(unet, [&]<class W>(const std::string& name, W& layer) {
      if (name != linear && name != convolution) return;
      const int64_t out = layer.weight.size(0), in = layer.weight.size(1);
      const bool four = (name == convolution) != other_form;
      const auto form = [four](at::Tensor factor) {
        return four ? factor.reshape({factor.size(0), factor.size(1), 1, 1}) : factor;
      };
      adapter.layers[name] = {.a = form(HashTensor("a", {2, in})),
                              .b = form(HashTensor("b", {out, 2}))};
    });
    EXPECT_EQ(adapter.layers.size(), 2u);
    EXPECT_EQ(AttachLora(unet, adapter, 0), absl::OkStatus());
    return Predict(unet, 2, OnAllRows(0));
  };
  EXPECT_THAT(attached(true), IsCloseTo(attached(false), 0));
}

TEST(UNetAdapterTest, SeveralAdaptersAddUp) {
  UNet unet = TinyUNet(at::kDouble);
  LoraAdapter half = Mixed();
  for (auto& [path, layer] : half.layers) layer.scale *= 0.5;
  ASSERT_TRUE(AttachLora(unet, half, 0).ok());
  ASSERT_TRUE(AttachLora(unet, half, 3).ok());
  EXPECT_THAT(Predict(unet, 4, {{.adapter = 0}, {.adapter = 3}}),
              IsCloseTo(Golden("unet_tiny", "lora_output"), 1e-9));
}

TEST(UNetAdapterTest, MergedEqualsTheSidePath) {
  UNet unet = Adapted(at::kDouble);
  EXPECT_THAT(Predict(MergeLora(unet, 0, 0.7), 2),
              IsCloseTo(Predict(unet, 2, OnAllRows(0, 0.7)), 1e-12));
  UNet convolutions = SmallUNet("conv_projection", at::kDouble);
  ASSERT_TRUE(AttachLora(convolutions, OfConvolutions(convolutions), 1).ok());
  EXPECT_THAT(Predict(MergeLora(convolutions, 1), 2),
              IsCloseTo(Predict(convolutions, 2, OnAllRows(1)), 1e-12));
}

TEST(UNetAdapterTest, MergingLeavesTheOriginalAloneAndRejectsBFloat16) {
  UNet unet = Adapted(at::kFloat);
  const UNet merged = MergeLora(unet, 0);
  const AttentionWeights& before = unet.mid_block.attentions[0].blocks[0].attn1;
  const AttentionWeights& after = merged.mid_block.attentions[0].blocks[0].attn1;
  EXPECT_NE(FindLora(before.to_q.adapters, 0), nullptr);
  EXPECT_EQ(FindLora(after.to_q.adapters, 0), nullptr);
  EXPECT_FALSE(before.to_q.weight.is_same(after.to_q.weight));
  EXPECT_TRUE(unet.conv_in.weight.is_same(merged.conv_in.weight));
  EXPECT_THROW(MergeLora(TinyUNet(at::kBFloat16), 0), c10::Error);
}

TEST(UNetAdapterTest, FactorsMayKeepAnotherDtype) {
  UNet unet = SmallUNet("conv_projection", at::kBFloat16);
  ASSERT_TRUE(AttachLora(unet, OfConvolutions(unet), 0, at::kFloat).ok());
  EXPECT_EQ(unet.conv_in.adapters[0]->a.scalar_type(), at::kFloat);
  EXPECT_EQ(Predict(unet, 2, OnAllRows(0)).scalar_type(), at::kBFloat16);
}

TEST(UNetAdapterTest, AdapterOfAnotherModelIsNamedAndChangesNothing) {
  UNet unet = SmallUNet("deep", at::kDouble);
  const absl::Status status = AttachLora(unet, Mixed(), 0);
  EXPECT_THAT(status.ToString(), HasSubstr("unet_lora.safetensors"));
  EXPECT_THAT(status.ToString(), HasSubstr("down_blocks.1.attentions.0.transformer_blocks.0"));
  VisitWeights(unet, [](const std::string& name, const auto& layer) {
    if constexpr (requires { layer.adapters; }) {
      EXPECT_TRUE(layer.adapters.empty()) << name;
    }
  });
}

TEST(UNetAdapterTest, UnknownLayerIsNamedWithTheNearest) {
  UNet unet = SmallUNet("conv_projection", at::kDouble);
  LoraAdapter adapter = OfConvolutions(unet);
  auto layer = adapter.layers.extract("conv_in");
  layer.key() = "conv_im";
  adapter.layers.insert(std::move(layer));
  const std::string message = AttachLora(unet, adapter, 0).ToString();
  EXPECT_THAT(message, HasSubstr("formula: conv_im"));
  EXPECT_THAT(message, HasSubstr("conv_in"));
}

TEST(UNetAdapterTest, MisshapenFactorIsNamedWithBothShapes) {
  UNet unet = SmallUNet("conv_projection", at::kDouble);
  LoraAdapter adapter = OfConvolutions(unet);
  adapter.layers["conv_in"].a = HashTensor("a", {3, 5, 3, 3});
  EXPECT_THAT(AttachLora(unet, adapter, 0).ToString(),
              HasSubstr("conv_in.lora_A: is [3,5,3,3], this UNet needs [3,4,3,3]"));
}

}  // namespace
}  // namespace draftp::testing
