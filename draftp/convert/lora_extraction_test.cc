#include "draftp/convert/lora_extraction.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/matmul.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/convert/adapter_conversion.h"
#include "draftp/convert/random_model.h"
#include "draftp/convert/test_convert.h"
#include "draftp/io/test_files.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using ::testing::HasSubstr;

at::Tensor Weight(const ModelToWrite& model, ModelPart part, const std::string& path) {
  return model.of(part).tensors.at(path + ".weight").make()->to(at::kDouble).flatten(1);
}

// Differences of random models have flat spectra, the worst case. The truth is float64's.
TEST(LoraExtraction, ErrorsAreNearlyTheSmallest) {
  const ModelToWrite one = RandomModel(kTinyModel, 1).value(),
                     two = RandomModel(kTinyModel, 2).value();
  const ExtractedLora lora = ExtractLora(one, two, 6, at::kFloat).value();
  // proj_in and proj_out, ten a block, of resnets and resamplers as in docs; no norms.
  EXPECT_EQ(lora.errors[1].layers, 3 * 6);
  EXPECT_EQ(lora.errors[2].layers, 4 * 6 + 1);
  double left = 0, all = 0;
  for (const auto& [path, change] : lora.adapter.of(AdapterPart::kUNet)) {
    const at::Tensor difference =
        Weight(one, ModelPart::kUNet, path) - Weight(two, ModelPart::kUNet, path);
    const LoraLayer layer = change.Plain();
    EXPECT_EQ(layer.rank(), std::min<int64_t>({6, difference.size(0), difference.size(1)}));
    EXPECT_EQ(layer.scale, 1);
    const at::Tensor product =
        at::matmul(layer.b.flatten(1).to(at::kDouble), layer.a.flatten(1).to(at::kDouble));
    const double residual = (difference - product).pow(2).sum().item<double>();
    const double best =
        at::linalg_svdvals(difference).slice(0, layer.rank()).pow(2).sum().item<double>();
    EXPECT_LE(std::sqrt(residual), 1.01 * std::sqrt(best) + 1e-5) << path;
    left += residual;
    all += difference.pow(2).sum().item<double>();
  }
  EXPECT_NEAR(lora.errors[0].relative(), std::sqrt(left / all), 1e-5);
  EXPECT_GT(lora.errors[0].worst, lora.errors[0].relative());
}

// A model with a LoRA merged gives it back; the other layers are left out.
TEST(LoraExtraction, AMergedLoraComesBack) {
  const TemporaryFolder folder;
  const std::string base = folder / "base", tuned = folder / "tuned.safetensors",
                    lora = folder / "lora.safetensors", again = folder / "again.safetensors";
  ASSERT_TRUE(RunConvertWith({"--in", kTinyModel, "--out", base, "--dtype", "float32"}).ok());
  ASSERT_TRUE(RunConvertWith({"--in", base, "--out", tuned, "--merge_lora",
                              "testdata/adapters/kohya.safetensors"})
                  .ok());
  std::string said;
  ASSERT_TRUE(
      RunConvertWith({"--in", tuned, "--extract", base, "--rank", "8", "--out", lora}, &said).ok());
  EXPECT_THAT(said, HasSubstr("total "));
  EXPECT_THAT(SafetensorsFile::Open(lora).value()->names()[0], ::testing::StartsWith("lora_te1_"));
  ASSERT_TRUE(RunConvertWith({"--in", base, "--out", again, "--merge_lora", lora}).ok());
  const NamedTensors before = TensorsOfModel(base), merged = TensorsOfModel(tuned),
                     got = TensorsOfModel(again);
  int changed = 0;
  for (const auto& [name, tensor] : merged) {
    const at::Tensor difference = tensor - before.at(name);
    if (at::equal(tensor, before.at(name))) {
      EXPECT_TRUE(at::equal(got.at(name), tensor)) << name;
      continue;
    }
    ++changed;
    EXPECT_THAT(got.at(name) - before.at(name), IsCloseTo(difference, 1e-4)) << name;
  }
  EXPECT_GE(changed, 3);
}

TEST(LoraExtraction, AFolderIsForDiffusers) {
  const TemporaryFolder folder;
  const std::string tuned = folder / "tuned";
  ASSERT_TRUE(RunConvertWith({"--init_random", kTinyModel, "--out", tuned}).ok());
  std::string said;
  ASSERT_TRUE(RunConvertWith({"--in", kTinyModel, "--extract", tuned, "--rank", "2", "--out",
                              folder / "lora", "--dtype", "float16"},
                             &said)
                  .ok());
  EXPECT_THAT(said, HasSubstr("left out: "));
  const auto file = SafetensorsFile::Open(folder / "lora/pytorch_lora_weights.safetensors").value();
  EXPECT_EQ(file->Tensor("unet.conv_in.lora_A.weight")->sizes(), at::IntArrayRef({2, 4, 3, 3}));
  EXPECT_EQ(file->Tensor("unet.conv_in.lora_A.weight")->scalar_type(), at::kHalf);
}

TEST(LoraExtraction, WhatDoesntGoTogether) {
  const TemporaryFolder folder;
  const std::string out = folder / "out.safetensors";
  EXPECT_THAT(RunConvertWith({"--in", kTinyModel, "--extract", kTinyModel, "--out", out}),
              FailsWith("found no layer that differs from "));
  ModelToWrite one = RandomModel(kTinyModel, 1).value();
  const ModelToWrite two = RandomModel(kTinyModel, 2).value();
  one.parts[0].tensors.erase("conv_out.bias");
  EXPECT_THAT(ExtractLora(one, two, 4, at::kFloat),
              FailsWith("unet/conv_out.bias: is nothing, expected [4] as in testdata/tiny_sdxl"));
  one = RandomModel(kTinyModel, 1).value();
  one.parts[0].tensors["conv_out.bias"].make = [] {
    return at::full({4}, std::numeric_limits<float>::quiet_NaN());
  };
  EXPECT_THAT(ExtractLora(one, two, 4, at::kFloat),
              FailsWith("unet/conv_out.bias: the difference isn't finite"));
  EXPECT_THAT(
      RunConvertWith({"--in", kTinyModel, "--extract", "x", "--out", out, "--format", "hf"}),
      FailsWith("--format: found hf beside --extract"));
  EXPECT_FALSE(std::filesystem::exists(out));
}

}  // namespace
}  // namespace draftp::testing
