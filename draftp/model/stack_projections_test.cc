#include "draftp/model/stack_projections.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "draftp/model/unet_adapter.h"
#include "draftp/model/unet_fixture.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

UNet Stacked() {
  UNet unet = TinyUNet(at::kDouble);
  const auto mixed = Value(ReadLoraFile("testdata/goldens/unet_lora.safetensors"));
  const absl::Status attached = AttachLora(unet, mixed, 0);
  TORCH_CHECK(attached.ok(), attached.ToString());
  StackProjections(unet);
  return unet;
}

TEST(StackProjectionsTest, QueriesKeysAndValuesOfPixelsLieTogetherAndQueriesOfThePrompt) {
  UNet unet = Stacked();
  const TransformerBlockWeights& block = unet.mid_block.attentions[0].blocks[0];
  const auto storage = [](const at::Tensor& x) { return x.storage().unsafeGetStorageImpl(); };
  EXPECT_EQ(storage(block.attn1.to_q.weight), storage(block.attn1.to_v.weight));
  EXPECT_NE(storage(block.attn2.to_q.weight), storage(block.attn2.to_v.weight));
  EXPECT_EQ(storage(block.attn2.to_q.weight), storage(block.attn2.to_q.adapters[0]->a));
}

// Against diffusers and peft, of mixed ranks and alphas, in float64.
TEST(StackProjectionsTest, BaseAndTunedRowsEqualDiffusersAndPeft) {
  const at::NoGradGuard no_grad;
  const at::Tensor out = Predict(Stacked(), 4, {{.adapter = 0, .begin = 2, .end = 4}});
  EXPECT_THAT(out.narrow(0, 0, 2), IsCloseTo(Golden("unet_tiny", "output").narrow(0, 0, 2), 1e-9));
  EXPECT_THAT(out.narrow(0, 2, 2),
              IsCloseTo(Golden("unet_tiny", "lora_output").narrow(0, 2, 2), 1e-9));
}

TEST(StackProjectionsTest, ServesSixteenBitsOnAGpu) {
  EXPECT_TRUE(StacksProjections({.device = at::kCUDA, .dtype = at::kBFloat16}));
  EXPECT_FALSE(StacksProjections({.device = at::kCUDA, .dtype = at::kFloat}));
  EXPECT_FALSE(StacksProjections({.device = at::kCPU, .dtype = at::kBFloat16}));
}

}  // namespace
}  // namespace draftp::testing
