// What is computed from shapes against what LibTorch's allocator counts in the real networks.
#include "draftp/sdxl/memory_estimate.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <string>

#include "draftp/adapter/lora_file.h"
#include "draftp/model/unet_adapter.h"
#include "draftp/model/unet_fixture.h"
#include "draftp/testing/kept_bytes.h"

namespace draftp {
namespace {

using testing::KeptBytes;
using testing::OnCpu;
using testing::TinyUNet;
using testing::Value;

constexpr char kTiny[] = "testdata/tiny_sdxl";

void ExpectNear(int64_t estimate, int64_t measured, double tolerance) {
  EXPECT_NEAR(static_cast<double>(estimate) / static_cast<double>(measured), 1.0, tolerance)
      << estimate << " bytes expected, " << measured << " measured";
}

UNet WithTrainedLora() {
  UNet unet = TinyUNet(at::kFloat);
  const LoraAdapter adapter = Value(ReadLoraFile(std::string(kTiny) + "/lora"));
  TORCH_CHECK(AttachLora(unet, adapter, 0, at::kFloat).ok());
  VisitWeights(unet, [](const std::string&, auto& layer) {
    if constexpr (requires { layer.adapters; }) {
      if (layer.adapters.empty()) return;
      layer.adapters[0]->a.requires_grad_();
      layer.adapters[0]->b.requires_grad_();
    }
  });
  return unet;
}

UNet WithTrainedWeights() {
  UNet unet = TinyUNet(at::kFloat);
  VisitWeights(unet, [](const std::string&, auto& layer) {
    layer.weight = layer.weight.clone().requires_grad_();
    if (layer.bias.defined()) layer.bias = layer.bias.clone().requires_grad_();
  });
  return unet;
}

// Bytes that a call of one row keeps.
int64_t Measure(const UNet& unet, const UNetCall& call) {
  const AdapterRows rows = {{.adapter = 0, .begin = 0, .end = 1, .scale = 1.0}};
  const UNetConditioning conditioning{
      .context = at::randn({1, call.tokens, unet.config.cross_attention_dim}),
      .pooled = at::randn({1, unet.config.projection_class_embeddings_input_dim -
                                  6 * unet.config.addition_time_embed_dim}),
      .time_ids = at::zeros({1, 6})};
  const at::Tensor sample = at::randn({1, 4, call.height, call.width});
  if (call.differentiable_input) sample.requires_grad_();
  const Prepared prepared = Prepare(unet, conditioning, rows, KeysAndValues::kInForward);
  const KeptBytes bytes;
  const at::Tensor out = UNetForward(unet, sample, at::zeros({}), prepared, rows,
                                     {.pieces = RecomputeIf(call.recompute)});
  EXPECT_TRUE(out.requires_grad());
  return bytes();
}

TEST(MemoryEstimateTest, AUNetCallKeepsWhatItsShapesSay) {
  const UNet lora = WithTrainedLora(), full = WithTrainedWeights();
  for (const bool recompute : {false, true}) {
    for (const UNetCall call :
         {UNetCall{.height = 16, .width = 16, .recompute = recompute},
          UNetCall{.height = 32, .width = 24, .recompute = recompute},
          UNetCall{
              .height = 32, .width = 32, .recompute = recompute, .differentiable_input = false}}) {
      ExpectNear(4 * KeptByUNet(lora, call).kept, Measure(lora, call), 0.05);
      if (call.differentiable_input)
        ExpectNear(4 * KeptByUNet(full, call).kept, Measure(full, call), 0.05);
    }
  }
}

TEST(MemoryEstimateTest, ADecoderKeepsWhatItsShapesSay) {
  const VaeDecoder decoder =
      Value(VaeDecoder::Load(std::string(kTiny) + "/vae", OnCpu(at::kFloat)));
  for (const bool recompute : {false, true}) {
    const at::Tensor latents = at::randn({1, 4, 16, 24}).requires_grad_();
    const KeptBytes bytes;
    const at::Tensor pixels =
        ToPixels(DecodeRaw(decoder, latents, {.pieces = RecomputeIf(recompute)}));
    const KeptElements kept = KeptByDecoder(decoder, 16, 24, recompute);
    ExpectNear(4 * kept.kept, bytes(), 0.05);
    pixels.sum().backward();
    ExpectNear(4 * (kept.kept + kept.passing), bytes.Peak(), 0.15);
  }
}

// On a GPU neither the inputs of SiLUs nor those of convolutions, which are counted here one by
// one.
TEST(MemoryEstimateTest, OnAGpuADecoderKeepsItsNormsInputsAlone) {
  const VaeDecoder decoder =
      Value(VaeDecoder::Load(std::string(kTiny) + "/vae", OnCpu(at::kFloat)));
  constexpr int64_t kLatents = 16 * 24;
  int64_t less = 0, pixels = kLatents;
  VisitWeights(decoder, [&]<class W>(const std::string& name, const W& layer) {
    if constexpr (MaybeConst<W, ConvWeights>) {
      const int64_t in = layer.weight.size(1);
      if (name.find(".upsamplers.") != std::string::npos) {
        pixels *= 4;
        less += in * pixels;
      } else if (name == "decoder.conv_in") {
        less += in * pixels;
      } else if (name.find(".conv1") != std::string::npos ||
                 name.find(".conv2") != std::string::npos || name == "decoder.conv_out") {
        less += 2 * in * pixels;
      }
    }
  });
  EXPECT_EQ(KeptByDecoder(decoder, 16, 24, /*recompute=*/false, /*on_gpu=*/true).kept,
            KeptByDecoder(decoder, 16, 24, /*recompute=*/false).kept - less);
}

TEST(MemoryEstimateTest, WeightsCountInTheFormThatTheyAreIn) {
  UNet unet = TinyUNet(at::kFloat);
  int64_t elements = 0;
  VisitWeights(unet, [&elements](const std::string&, const auto& layer) {
    elements += layer.weight.numel() + (layer.bias.defined() ? layer.bias.numel() : 0);
  });
  EXPECT_EQ(WeightBytes(unet), 4 * elements);
}

}  // namespace
}  // namespace draftp
