#include "draftp/convert/merged_adapters.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/convert/test_convert.h"
#include "draftp/io/test_files.h"
#include "draftp/sdxl/sdxl_model.h"
#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kQuery[] = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q";

at::Tensor TimesV(const at::Tensor& weight) {
  const at::Tensor flat = weight.to(at::kDouble).flatten(1);
  return at::matmul(flat, HashTensor("v", {flat.size(1)}));
}

class MergedFilesTest : public ::testing::TestWithParam<std::array<const char*, 2>> {};

// The layers that change, and their weights, are those of diffusers and peft; all else is as it
// was.
TEST_P(MergedFilesTest, WeightsEqualDiffusersAndPeft) {
  const TemporaryFolder folder;
  const std::string out = folder / "merged.safetensors";
  ASSERT_TRUE(RunConvertWith({"--in", kTinyModel, "--out", out, "--dtype", "float32",
                              "--merge_lora", std::string("testdata/adapters/") + GetParam()[1]})
                  .ok());
  const std::string prefix = std::string(GetParam()[0]) + "/";
  const auto expected = SafetensorsFile::Open("testdata/adapters/expected.safetensors").value();
  const NamedTensors before = TensorsOfModel(kTinyModel), after = TensorsOfModel(out);
  std::set<std::string> changed;
  for (const std::string& name : expected->names()) {
    if (!name.starts_with(prefix)) continue;
    std::string layer = name.substr(prefix.size());
    if (layer.starts_with("text_encoder/encoder.")) layer.insert(13, "text_model.");
    EXPECT_THAT(TimesV(after.at(layer + ".weight")), IsCloseTo(*expected->Tensor(name), 1e-5));
    changed.insert(layer + ".weight");
  }
  ASSERT_GE(changed.size(), 3u);
  ASSERT_EQ(before.size(), after.size());
  for (const auto& [name, tensor] : before)
    EXPECT_EQ(at::equal(tensor.to(at::kFloat), after.at(name)), !changed.contains(name)) << name;
}

INSTANTIATE_TEST_SUITE_P(
    Files, MergedFilesTest,
    ::testing::Values(std::array{"peft", "peft"}, std::array{"patterns", "patterns.safetensors"},
                      std::array{"dora", "dora.safetensors"},
                      std::array{"kohya", "kohya.safetensors"},
                      std::array{"text_encoders", "text_encoders.safetensors"}));

// A difference of all 1/3 on a layer, of its weight and, where it has one, its bias.
std::string ThirdsOn(const TemporaryFolder& folder, const std::string& stem,
                     std::vector<int64_t> shape, bool bias) {
  const std::string path = folder / stem + ".safetensors";
  std::map<std::string, at::Tensor> tensors = {{stem + ".diff", at::full(shape, 1.0 / 3)}};
  if (bias) tensors[stem + ".diff_b"] = at::full({shape[0]}, 1.0 / 3);
  TORCH_CHECK(WriteSafetensors(path, tensors).ok());
  return path;
}

// W + 0.5/3 - 2/3, rounded to float16 once; the sum of roundings would differ in some elements.
TEST(MergedAdapters, SeveralAddUpAndAreRoundedOnce) {
  const TemporaryFolder folder;
  const std::string thirds = ThirdsOn(folder, "unet.conv_out", {4, 64, 3, 3}, /*bias=*/true);
  const std::string out = folder / "out";
  std::string said;
  ASSERT_TRUE(RunConvertWith({"--in", kTinyModel, "--out", out, "--merge_lora", thirds + ":0.5",
                              "--merge_lora", thirds + ":-2"},
                             &said)
                  .ok());
  EXPECT_THAT(said, HasSubstr("unet.conv_out.safetensors, scale -2: 1 layer of unet\n"));
  const NamedTensors before = TensorsOfModel(kTinyModel), after = TensorsOfModel(out);
  for (const std::string name : {"unet/conv_out.weight", "unet/conv_out.bias"}) {
    const at::Tensor base = before.at(name).to(at::kFloat), third = at::full({}, 1.0 / 3);
    const at::Tensor sum = base + 0.5 * third + -2.0 * third;
    EXPECT_TRUE(at::equal(after.at(name), sum.to(at::kHalf))) << name;
    EXPECT_FALSE(at::equal(after.at(name), before.at(name))) << name;
  }
}

// What anneal --blend weights draws with is what convert writes, bit for bit.
TEST(MergedAdapters, AreThoseThatAnnealDrawsWith) {
  const TemporaryFolder folder;
  const std::string first = "testdata/adapters/kohya.safetensors",
                    second = "testdata/adapters/dora.safetensors", out = folder / "out";
  ASSERT_TRUE(RunConvertWith({"--in", kTinyModel, "--out", out, "--dtype", "float32",
                              "--merge_lora", first + ":0.7", "--merge_lora", second + ":-2"})
                  .ok());
  const NamedTensors written = TensorsOfModel(out);
  const auto model = SdxlModel::Load({.model = kTinyModel,
                                      .adapters = {{first, 0.7}, {second, -2}},
                                      .adapter_use = AdapterUse::kMerged},
                                     *ChooseDevice("cpu", "float32"))
                         .value();
  int64_t changed = 0;
  VisitWeights(*model.tuned.at(0).unet, [&](const std::string& path, const auto& layer) {
    EXPECT_TRUE(at::equal(layer.weight, written.at("unet/" + path + ".weight"))) << path;
    changed += 1;
  });
  VisitWeights(model.tuned[0].text_encoders->first, [&](const std::string& path,
                                                        const auto& layer) {
    EXPECT_TRUE(at::equal(layer.weight, written.at("text_encoder/" + path + ".weight"))) << path;
  });
  EXPECT_GT(changed, 100);
}

TEST(MergedAdapters, ATextEncodersPartIsInASingleFilesOwnLayout) {
  const TemporaryFolder folder;
  const std::string layer = "text_model.encoder.layers.1.self_attn.q_proj";
  const std::string thirds = ThirdsOn(folder, "text_encoder_2." + layer, {128, 128}, true);
  const std::string out = folder / "out.safetensors";
  ASSERT_TRUE(RunConvertWith({"--in", kTinyModel, "--out", out, "--merge_lora", thirds}).ok());
  const at::Tensor base = TensorsOfModel(kTinyModel).at("text_encoder_2/" + layer + ".weight");
  const auto file = SafetensorsFile::Open(out).value();
  const std::string in_proj =
      "conditioner.embedders.1.model.transformer.resblocks.1.attn.in_proj_weight";
  const at::Tensor expected = (base.to(at::kFloat) + 1.0 / 3).to(at::kHalf);
  EXPECT_TRUE(at::equal(file->Tensor(in_proj)->narrow(0, 0, 128), expected));
}

TEST(MergedAdapters, WhatFitsNoLayerNamesFileAndKeyAndLeavesNothing) {
  const TemporaryFolder folder;
  const auto merge = [&](const std::string& adapter) {
    return RunConvertWith({"--in", kTinyModel, "--out", folder / "out", "--merge_lora", adapter});
  };
  EXPECT_THAT(merge(ThirdsOn(folder, "unet.conv_ouch", {4, 64, 3, 3}, false)),
              FailsWith("unet.conv_ouch.safetensors: unet.conv_ouch.diff: this model's unet has no "
                        "such layer, the nearest is unet.conv_out"));
  EXPECT_THAT(merge(ThirdsOn(folder, "unet.conv_in", {4, 64, 3, 3}, false)),
              FailsWith("unet.conv_in.diff: is [4,64,3,3], expected what makes [64,4,3,3]"));
  EXPECT_THAT(
      merge(ThirdsOn(folder, std::string("unet.") + kQuery, {128, 128}, true)),
      FailsWith("to_q.diff_b: found a bias for a layer that has none, expected changes of what "
                "a checkpoint of this model holds; anneal --lora takes it"));
  EXPECT_THAT(merge(folder / "absent.safetensors:0.5"), FailsWith("absent.safetensors: "));
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

TEST(MergedAdapters, TheScaleStandsBehindTheLastColon) {
  const TemporaryFolder folder;
  EXPECT_EQ(*ParseScaledAdapter("a.safetensors"), (ScaledAdapter{"a.safetensors", 1}));
  EXPECT_EQ(*ParseScaledAdapter("a:b:-0.5", DoraNorm::kBase),
            (ScaledAdapter{"a:b", -0.5, DoraNorm::kBase}));
  EXPECT_EQ(*ParseScaledAdapter("a:b"), (ScaledAdapter{"a:b", 1}));
  const std::string there = folder.Write("a:2", "");
  EXPECT_EQ(*ParseScaledAdapter(there), (ScaledAdapter{there, 1}));
  EXPECT_THAT(ParseScaledAdapter(there + ":half"),
              FailsWith("--merge_lora: behind " + there + ": found \"half\", expected a number"));
  EXPECT_EQ(
      RunConvertWith({"--in", kTinyModel, "--out", folder / "m", "--merge_lora", there + ":half"})
          .code(),
      absl::StatusCode::kInvalidArgument);
}

// Readers of a checkpoint leave out a bias that their layer hasn't; one of zeros changes nothing.
TEST(MergedAdapters, ABiasOfZerosForALayerWithoutOneChangesNothing) {
  const TemporaryFolder folder;
  const std::string in = folder / "zeros.safetensors", out = folder / "out";
  ASSERT_TRUE(
      WriteSafetensors(in, {{std::string("unet.") + kQuery + ".diff_b", at::full({128}, 0.0)}})
          .ok());
  ASSERT_TRUE(RunConvertWith({"--in", kTinyModel, "--out", out, "--merge_lora", in}).ok());
  EXPECT_FALSE(TensorsOfModel(out).contains(std::string("unet/") + kQuery + ".bias"));
}

// W' = m (W + dW) / ||W||, each row's own (ComfyUI), in float64.
TEST(MergedAdapters, DorasNormIsTheFlags) {
  const TemporaryFolder folder;
  const std::string in = "testdata/adapters/dora.safetensors";
  const auto merged = [&](const std::string& norm) {
    const std::string out = folder / norm;
    EXPECT_TRUE(RunConvertWith({"--in", kTinyModel, "--out", out, "--merge_lora", in, "--dora_norm",
                                norm, "--dtype", "float32"})
                    .ok());
    return TensorsOfModel(out).at(std::string("unet/") + kQuery + ".weight").to(at::kDouble);
  };
  const auto file = SafetensorsFile::Open(in).value();
  const auto factor = [&](const std::string& end) {
    return file->Tensor(std::string("unet.") + kQuery + end)->to(at::kDouble);
  };
  const at::Tensor base =
      TensorsOfModel(kTinyModel).at(std::string("unet/") + kQuery + ".weight").to(at::kDouble);
  // alpha 8 of rank 4.
  const at::Tensor changed =
      base + 2 * at::matmul(factor(".lora.up.weight"), factor(".lora.down.weight"));
  const at::Tensor magnitude = factor(".lora_magnitude_vector").unsqueeze(1);
  EXPECT_THAT(merged("changed"),
              IsCloseTo(magnitude * changed / changed.norm(2, {1}, /*keepdim=*/true), 1e-5));
  EXPECT_THAT(merged("base"),
              IsCloseTo(magnitude * changed / base.norm(2, {1}, /*keepdim=*/true), 1e-5));
}

}  // namespace
}  // namespace draftp::testing
