#include "draftp/model/adapter_merge.h"

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

TEST(AdapterMerge, AMisfitNamesFileAndKey) {
  Adapter adapter{.source = "a.safetensors", .parts = {}};
  adapter.parts[0]["conv_norm_out"].items[AdapterRole::kDiff] = {HashTensor("b", {3}), "x.w_norm"};
  EXPECT_EQ(MergeAdapter(Tiny().unet, adapter).status().message(),
            "a.safetensors: x.w_norm: is [3], expected what makes [64]");
}

}  // namespace
}  // namespace draftp::testing
