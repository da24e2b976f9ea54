#include "draftp/model/pack_weights.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <string>

#include "draftp/model/unet_adapter.h"
#include "draftp/model/unet_fixture.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

UNet Packed(UNet unet) {
  VisitWeights(unet, PackWeights());
  return unet;
}

// float32 against float64 with the same weights: 1.3e-6 is what LibTorch's own operators reach.
constexpr double kTolerance = 5e-6;

TEST(PackWeightsTest, ServesFloat32OnACpu) {
  EXPECT_TRUE(PacksWeights(OnCpu(at::kFloat)));
  EXPECT_FALSE(PacksWeights(OnCpu(at::kDouble)));
  EXPECT_FALSE(PacksWeights({.device = at::kCUDA, .dtype = at::kFloat}));
}

TEST(PackWeightsTest, PackedEqualsPlain) {
  const at::NoGradGuard no_grad;
  for (const char* name : {"conv_projection", "deep", "v_prediction"}) {
    const UNet packed = Packed(SmallUNet(name, at::kFloat));
    EXPECT_FALSE(packed.conv_in.weight.defined());
    const at::Tensor expected = Predict(SmallUNet(name, at::kDouble), 2);
    for (const KeysAndValues where : {KeysAndValues::kPrepared, KeysAndValues::kInForward}) {
      EXPECT_THAT(Predict(packed, 2, {}, where).to(at::kDouble), IsCloseTo(expected, kTolerance))
          << name;
    }
  }
}

// Odd sizes take the resize and the convolutions that the transformed weights don't serve.
TEST(PackWeightsTest, PackedEqualsPlainAtOddSizes) {
  const at::NoGradGuard no_grad;
  const UNet plain = TinyUNet(at::kDouble), packed = Packed(TinyUNet(at::kFloat));
  const auto predict = [](const UNet& unet) {
    return UNetForward(unet, Sample(unet, 1, 18, 13), Times(1),
                       Prepare(unet, Conditioning(unet, 1)));
  };
  EXPECT_THAT(predict(packed).to(at::kDouble), IsCloseTo(predict(plain), kTolerance));
}

TEST(PackWeightsTest, AdaptersActOnTheirRowsOfAPackedNetwork) {
  const at::NoGradGuard no_grad;
  const LoraAdapter lora = Value(ReadLoraFile("testdata/goldens/unet_lora.safetensors"));
  const auto adapted = [&lora](at::ScalarType dtype) {
    UNet unet = TinyUNet(dtype);
    TORCH_CHECK(AttachLora(unet, lora, 0).ok(), "no adapter");
    return unet;
  };
  const AdapterRows rows{{.adapter = 0, .begin = 1, .end = 2, .scale = 0.5}};
  EXPECT_THAT(Predict(Packed(adapted(at::kFloat)), 3, rows).to(at::kDouble),
              IsCloseTo(Predict(adapted(at::kDouble), 3, rows), kTolerance));
}

TEST(PackWeightsTest, APackedNetworkRefusesGradientsAndOtherDtypes) {
  const UNet packed = Packed(SmallUNet("deep", at::kFloat));
  EXPECT_THROW(Predict(packed, 1), c10::Error);
  const at::NoGradGuard no_grad;
  EXPECT_THROW(Linear(Sample(packed, 1),
                      {.weight = {}, .bias = {}, .packed = packed.time_embedding.linear_1.packed}),
               c10::Error);
}

}  // namespace
}  // namespace draftp::testing
