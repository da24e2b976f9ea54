#include "draftp/model/unet_prepare.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

#include "draftp/model/prepared.h"
#include "draftp/model/unet_adapter.h"
#include "draftp/model/unet_fixture.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

constexpr auto kHere = KeysAndValues::kPrepared, kThere = KeysAndValues::kInForward;

UNet Adapted() {
  UNet unet = TinyUNet(at::kDouble);
  const absl::Status attached =
      AttachLora(unet, Value(ReadLoraFile("testdata/goldens/unet_lora.safetensors")), 0);
  TORCH_CHECK(attached.ok(), attached.ToString());
  return unet;
}

TEST(UNetPrepareTest, PreparedEqualsPlain) {
  for (const char* name : {"conv_projection", "deep", "v_prediction"}) {
    const UNet unet = SmallUNet(name, at::kDouble);
    EXPECT_THAT(Predict(unet, 2, {}, kHere), IsCloseTo(Predict(unet, 2, {}, kThere), 1e-13))
        << name;
  }
}

TEST(UNetPrepareTest, PreparedEqualsPlainWithAdaptersOnSomeRows) {
  const UNet unet = Adapted();
  const AdapterRows rows{{.adapter = 0, .begin = 1, .end = 2, .scale = 0.5}};
  EXPECT_THAT(Predict(unet, 3, rows, kHere), IsCloseTo(Predict(unet, 3, rows, kThere), 1e-13));
}

// By the sample, the context, and factors whose gradient goes through prepared keys alone.
std::vector<at::Tensor> Gradients(KeysAndValues keys_and_values, bool recompute) {
  UNet unet = Adapted();
  LoraLayer& lora = *unet.mid_block.attentions[0].blocks[0].attn2.to_k.adapters[0];
  UNetConditioning conditioning = Conditioning(unet, 2);
  const std::vector<at::Tensor> leaves{
      Sample(unet, 2).requires_grad_(), conditioning.context.requires_grad_(),
      conditioning.pooled.requires_grad_(), lora.a.requires_grad_(), lora.b.requires_grad_()};
  const AdapterRows rows{{.adapter = 0, .begin = 1}};
  const Prepared prepared = Prepare(unet, conditioning, rows, keys_and_values);
  const at::Tensor out =
      UNetForward(unet, leaves[0], Times(2), prepared, rows, {.pieces = RecomputeIf(recompute)});
  return torch::autograd::grad({(out * HashTensor("r", out.sizes().vec())).sum()}, leaves);
}

TEST(UNetPrepareTest, GradientsOfPreparedEqualThoseOfPlain) {
  const auto plain = Gradients(kThere, false);
  for (const auto& other :
       {Gradients(kHere, false), Gradients(kHere, true), Gradients(kThere, true)}) {
    for (size_t i = 0; i < plain.size(); ++i)
      EXPECT_THAT(other[i], IsCloseTo(plain[i], 1e-12)) << i;
  }
}

TEST(UNetPrepareTest, HoldsKeysAndValuesOfEveryAttentionToThePrompt) {
  const UNet unet = SmallUNet("deep", at::kFloat);
  const Prepared prepared = Prepare(unet, Conditioning(unet, 2));
  size_t count = 0;
  VisitCrossAttentions(unet, [&](const AttentionWeights& layer) {
    EXPECT_EQ(layer.cross_index, static_cast<int>(count++));
    EXPECT_EQ(prepared.prompt.keys_values.at(layer.cross_index).keys.size(2),
              layer.to_k.weight.size(0));
  });
  EXPECT_EQ(prepared.prompt.keys_values.size(), count);
  EXPECT_TRUE(Prepare(unet, Conditioning(unet, 2), {}, kThere).prompt.keys_values.empty());
}

TEST(UNetPrepareTest, RejectsConditioningOfAnotherModel) {
  const UNet unet = SmallUNet("deep", at::kDouble);
  UNetConditioning conditioning = Conditioning(unet, 2);
  conditioning.pooled = HashTensor("pooled", {2, 11});
  EXPECT_THROW(Prepare(unet, conditioning), c10::Error);
  conditioning.pooled = at::Tensor();
  EXPECT_THROW(Prepare(unet, conditioning), c10::Error);
  conditioning = Conditioning(unet, 2);
  conditioning.context = HashTensor("context", {2, 7, 19});
  EXPECT_THROW(Prepare(unet, conditioning), c10::Error);
}

}  // namespace
}  // namespace draftp::testing
