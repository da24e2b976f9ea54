#include "draftp/model/adapter_merge.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <string>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/model/conditioning.h"
#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

// The embedded model in float64.
struct Networks {
  UNet unet;
  SdxlTextEncoders encoders;
};

const Networks& Tiny() {
  static const Networks* const networks = [] {
    const Placement placement{.device = at::kCPU, .dtype = at::kDouble};
    return new Networks{UNet::Load("testdata/tiny_sdxl/unet", placement).value(),
                        SdxlTextEncoders::Load("testdata/tiny_sdxl", placement).value()};
  }();
  return *networks;
}

Adapter ReadOf(const std::string& path) {
  const AdapterKeys keys({LayerPaths(Tiny().unet), LayerPaths(Tiny().encoders.first),
                          LayerPaths(Tiny().encoders.second)});
  const auto adapter = ReadAdapterFile("testdata/adapters/" + path, keys);
  TORCH_CHECK(adapter.ok(), adapter.status().ToString());
  return *adapter;
}

// W' v of the layers whose weights differ from the original's, by part and path.
template <class Network>
void AddChanged(const std::string& part, const Network& before, const Network& after,
                std::map<std::string, at::Tensor>& changed) {
  std::map<std::string, at::Tensor> weights;
  VisitWeights(before,
               [&](const std::string& path, const auto& layer) { weights[path] = layer.weight; });
  VisitWeights(after, [&](const std::string& path, const auto& layer) {
    if (weights.at(path).is_same(layer.weight)) return;
    const at::Tensor flat = layer.weight.flatten(1);
    changed[part + "/" + path] = flat.matmul(HashTensor("v", {flat.size(1)}));
  });
}

std::map<std::string, at::Tensor> Changed(const Adapter& adapter) {
  std::map<std::string, at::Tensor> changed;
  const SdxlTextEncoders& encoders = Tiny().encoders;
  AddChanged("unet", Tiny().unet, MergeAdapter(Tiny().unet, adapter).value(), changed);
  AddChanged("text_encoder", encoders.first,
             MergeAdapter(encoders.first, adapter, AdapterPart::kTextEncoder).value(), changed);
  AddChanged("text_encoder_2", encoders.second,
             MergeAdapter(encoders.second, adapter, AdapterPart::kTextEncoder2).value(), changed);
  return changed;
}

class AdapterMergeTest : public ::testing::TestWithParam<std::array<const char*, 2>> {};

// The layers that change, and their weights, are those of peft and diffusers.
TEST_P(AdapterMergeTest, WeightsEqualDiffusersAndPeft) {
  const std::string prefix = std::string(GetParam()[0]) + "/";
  const auto changed = Changed(ReadOf(GetParam()[1]));
  const auto expected = SafetensorsFile::Open("testdata/adapters/expected.safetensors").value();
  std::map<std::string, std::string> names;  // by part and today's path
  for (const std::string& name : expected->names()) {
    if (!name.starts_with(prefix)) continue;
    std::string layer = name.substr(prefix.size());
    if (layer.starts_with("text_encoder/encoder.")) layer.insert(13, "text_model.");
    names[layer] = name;
  }
  ASSERT_EQ(changed.size(), names.size());
  ASSERT_GE(names.size(), 3u);
  for (const auto& [layer, name] : names) {
    ASSERT_TRUE(changed.contains(layer)) << layer;
    // DoRA's norms have LyCORIS' 1.2e-7 added.
    EXPECT_THAT(changed.at(layer), IsCloseTo(expected->Tensor(name).value(), 1e-6)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Files, AdapterMergeTest,
    ::testing::Values(std::array{"peft", "peft"}, std::array{"patterns", "patterns.safetensors"},
                      std::array{"dora", "dora.safetensors"},
                      std::array{"kohya", "kohya.safetensors"},
                      std::array{"text_encoders", "text_encoders.safetensors"}));

TEST(AdapterMerge, ABiasThatALayerLacksAppears) {
  Adapter adapter{.source = "a.safetensors", .parts = {}};
  const std::string path = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q";
  adapter.parts[0][path].items[AdapterRole::kDiffOfBias] = {HashTensor("b", {128}), "key"};
  const UNet merged = MergeAdapter(Tiny().unet, adapter, 0.5).value();
  const LinearWeights& layer = merged.mid_block.attentions[0].blocks[0].attn1.to_q;
  EXPECT_THAT(layer.bias, IsCloseTo(0.5 * HashTensor("b", {128}), 1e-12));
}

// Differences of a third of mid_block.attentions.0.proj_in, weight and bias.
Adapter Thirds() {
  Adapter adapter{.source = "thirds.safetensors", .parts = {}};
  LayerChange& change = adapter.parts[0]["mid_block.attentions.0.proj_in"];
  change.items[AdapterRole::kDiff] = {at::full({128, 128}, 1.0 / 3, at::kFloat), "diff"};
  change.items[AdapterRole::kDiffOfBias] = {at::full({128}, 1.0 / 3, at::kFloat), "diff_b"};
  return adapter;
}

// W + (0.7 - 2)/3 rounded to bfloat16 once, in whichever order; rounded after each it would be
// another number in some elements.
TEST(AdapterMerge, SeveralAddUpInFloat32AndAreRoundedOnce) {
  const UNet unet = UNet::Load("testdata/tiny_sdxl/unet", {.dtype = at::kBFloat16}).value();
  const Adapter thirds = Thirds();
  const ScaledChanges one{&thirds, 0.7}, other{&thirds, -2};
  const UNet merged = MergeAdapters(unet, std::array{one, other}).value(),
             turned = MergeAdapters(unet, std::array{other, one}).value(),
             twice = MergeAdapter(MergeAdapter(unet, thirds, 0.7).value(), thirds, -2).value();
  const auto layer = [](const UNet& network) { return network.mid_block.attentions[0].proj_in; };
  for (const auto member : {&LinearWeights::weight, &LinearWeights::bias}) {
    const at::Tensor base = (layer(unet).*member).to(at::kDouble);
    const at::Tensor sum = base + (0.7 - 2) / 3;
    const at::Tensor got = layer(merged).*member;
    EXPECT_EQ(got.scalar_type(), at::kBFloat16);
    // Half of bfloat16's last place, and float32's roundings.
    const at::Tensor allowed = sum.abs() * 0x1p-8 + 1e-7;
    EXPECT_LE(((got.to(at::kDouble) - sum).abs() / allowed).max().item<double>(), 1.0);
    EXPECT_TRUE(got.equal(layer(turned).*member));
    EXPECT_FALSE(got.equal(layer(twice).*member));
  }
}

TEST(AdapterMerge, AMisfitNamesFileAndKey) {
  Adapter adapter{.source = "a.safetensors", .parts = {}};
  adapter.parts[0]["conv_norm_out"].items[AdapterRole::kDiff] = {HashTensor("b", {3}), "x.w_norm"};
  EXPECT_EQ(MergeAdapter(Tiny().unet, adapter).status().message(),
            "a.safetensors: x.w_norm: is [3], expected what makes [64]");
}

}  // namespace
}  // namespace draftp::testing
