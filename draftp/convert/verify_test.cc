#include "draftp/convert/verify.h"

#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/convert/adapter_conversion.h"
#include "draftp/convert/random_model.h"
#include "draftp/convert/test_convert.h"
#include "draftp/io/test_files.h"

namespace draftp::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Verified(const std::string& in, const std::string& base = "") {
  std::vector<std::string> arguments = {"--in", in, "--verify"};
  if (!base.empty()) arguments.insert(arguments.end(), {"--base", base});
  std::string said;
  const absl::Status status = RunConvertWith(arguments, &said);
  return status.ok() ? said : std::string(status.message());
}

TEST(Verify, AModelHasAllThatItsConfigsAskFor) {
  EXPECT_THAT(Verified(kTinyModel),
              AllOf(HasSubstr("unet: all of 620 tensors that its config asks for\n"),
                    HasSubstr("vae: all of 188 tensors"), Not(HasSubstr("nothing uses"))));
}

// A tiny model with another UNet: a tensor too many, one too few, one of another shape.
TEST(Verify, TensorsWithoutAPlaceAreNamed) {
  const TemporaryFolder folder;
  const std::string unet = "/unet/diffusion_pytorch_model.safetensors";
  std::filesystem::copy(kTinyModel, folder / "m", std::filesystem::copy_options::recursive);
  const auto original = SafetensorsFile::Open(kTinyModel + unet).value();
  NamedTensors tensors;
  for (const std::string& name : original->names()) tensors[name] = *original->Tensor(name);
  const auto with = [&](const NamedTensors& now) {
    std::filesystem::remove(folder / "m" + unet);
    TORCH_CHECK(WriteSafetensors(folder / "m" + unet, now).ok());
    return Verified(folder / "m");
  };
  NamedTensors changed = tensors;
  changed["conv_extra.weight"] = at::full({2}, 1.0);
  EXPECT_THAT(with(changed), HasSubstr("unet: tensors that nothing uses: conv_extra.weight\n"));
  changed = tensors;
  changed.erase("conv_out.bias");
  EXPECT_THAT(with(changed), HasSubstr("unet/conv_out.bias: is nothing, expected [4]"));
  changed["conv_out.bias"] = at::full({5}, 1.0);
  EXPECT_THAT(with(changed), HasSubstr("unet/conv_out.bias: is [5], expected [4] by the config"));
}

TEST(Verify, WhatNoPartOfASingleFileTakesIsNamed) {
  const TemporaryFolder folder;
  ASSERT_TRUE(RunConvertWith({"--in", kTinyModel, "--out", folder / "f.safetensors"}).ok());
  const auto file = SafetensorsFile::Open(folder / "f.safetensors").value();
  NamedTensors tensors = {{"model_ema.decay", at::full({}, 0.5)}};
  for (const std::string& name : file->names()) tensors[name] = *file->Tensor(name);
  ASSERT_TRUE(WriteSafetensors(folder / "g.safetensors", tensors, file->metadata()).ok());
  EXPECT_THAT(Verified(folder / "g.safetensors"),
              HasSubstr("tensors that no part takes: model_ema.decay\n"));
  EXPECT_THAT(Verified(folder / "f.safetensors"), Not(HasSubstr("no part takes")));
}

TEST(Verify, WhatIsWrittenReadsBack) {
  const TemporaryFolder folder;
  std::string said;
  for (const std::string out : {"f.safetensors", "d"}) {
    ASSERT_TRUE(RunConvertWith({"--in", kTinyModel, "--out", folder / out, "--verify", "--dtype",
                                "bfloat16", "--merge_lora", "testdata/adapters/kohya.safetensors"},
                               &said)
                    .ok());
    EXPECT_THAT(said, HasSubstr("verified: 929 tensors, bit for bit\n"));
  }
  ASSERT_TRUE(RunConvertWith({"--in", "testdata/adapters/kohya.safetensors", "--base", kTinyModel,
                              "--format", "lora_diffusers", "--out", folder / "l", "--verify"},
                             &said)
                  .ok());
  EXPECT_THAT(said, HasSubstr(", bit for bit\n"));
}

// A bit of the largest file, behind its header; a tensor that isn't there; an alpha.
TEST(Verify, WhatReadsBackOtherwiseIsNamed) {
  const TemporaryFolder folder;
  std::ostringstream out;
  ASSERT_TRUE(RunConvertWith({"--in", kTinyModel, "--out", folder / "m"}).ok());
  ModelToWrite written = ReadModel(kTinyModel).value();
  EXPECT_TRUE(VerifyWrittenModel(folder / "m", written, out).ok());
  written.parts[1].tensors["encoder.conv_in.bias"].make = [] {
    return at::full({32}, 1.0, at::kHalf);
  };
  EXPECT_THAT(VerifyWrittenModel(folder / "m", written, out),
              FailsWith("m: vae/encoder.conv_in.bias: has other bits than were written"));
  written.parts[0].tensors["conv_more.bias"] = written.parts[0].tensors["conv_out.bias"];
  EXPECT_THAT(VerifyWrittenModel(folder / "m", written, out),
              FailsWith("unet/conv_more.bias: isn't there, expected it as it was written"));

  const std::string path = "testdata/adapters/kohya.safetensors";
  const LayerShapes layers = LayersOfBase(kTinyModel).value();
  Adapter adapter = ReadFittedAdapter(path, layers).value();
  EXPECT_TRUE(VerifyWrittenAdapter(path, adapter, layers, out).ok());
  adapter.parts[0].begin()->second.scale *= 2;
  EXPECT_THAT(VerifyWrittenAdapter(path, adapter, layers, out),
              FailsWith(": has other bits than were written"));
}

// ||s B A|| of ones: s r sqrt(outputs inputs).
TEST(Verify, NormsOfChangesAreFrobeniuss) {
  const TemporaryFolder folder;
  const std::string layer = "unet.mid_block.attentions.0.proj_in", in = folder / "lora.safetensors";
  ASSERT_TRUE(WriteSafetensors(in, {{layer + ".lora_A.weight", at::full({2, 128}, 1.0)},
                                    {layer + ".lora_B.weight", at::full({128, 2}, 1.0)},
                                    {layer + ".alpha", at::full({}, 0.5)},
                                    {"unet.conv_norm_out.w_norm", at::full({64}, 100.0)}})
                  .ok());
  const LayerShapes layers = LayersOfBase(kTinyModel).value();
  const Adapter adapter = ReadFittedAdapter(in, layers).value();
  const auto alone = ChangeNorms(adapter, layers, nullptr).value();
  ASSERT_EQ(alone.size(), 2u);
  EXPECT_EQ(alone[0].layer, "unet.conv_norm_out");
  EXPECT_NEAR(alone[0].norm, 800, 1e-3);
  EXPECT_NEAR(alone[1].norm, 0.25 * 2 * 128, 1e-4);
  EXPECT_LT(alone[1].relative, 0);
  const auto base = ReadModel(kTinyModel).value();
  const auto beside = ChangeNorms(adapter, layers, &base).value();
  const at::Tensor weight = base.of(ModelPart::kUNet)
                                .tensors.at("mid_block.attentions.0.proj_in.weight")
                                .make()
                                ->to(at::kDouble);
  EXPECT_NEAR(beside[1].relative, 64 / std::sqrt(weight.pow(2).sum().item<double>()), 1e-5);
}

TEST(Verify, ATableOfTheLargestAndTheRangeOfTheRest) {
  std::vector<ChangeNorm> norms;
  for (int i = 0; i < 22; ++i)
    norms.push_back({"unet.l" + std::to_string(i), "a LoRA", 22.0 - i, i == 0 ? 0.5 : -1});
  std::ostringstream out;
  PrintNorms(norms, out);
  EXPECT_THAT(out.str(),
              AllOf(HasSubstr("22          0.5        unet.l0: a LoRA\n"), HasSubstr("unet.l19"),
                    Not(HasSubstr("unet.l20")), HasSubstr("and 2 layers of 2 to 1\n"),
                    HasSubstr("61.6        all together\n")));  // sqrt(3795)
}

TEST(Verify, AnAdapterAlone) {
  EXPECT_THAT(Verified("testdata/adapters/kohya.safetensors", kTinyModel),
              AllOf(HasSubstr("every key is used: "), HasSubstr(": a LoRA\n")));
  EXPECT_THAT(Verified("testdata/adapters/peft", kTinyModel), HasSubstr("every key is used: "));
  EXPECT_THAT(Verified("testdata/adapters/dora.safetensors", kTinyModel),
              AllOf(HasSubstr(": a DoRA\n"), Not(HasSubstr("--base gives"))));
  EXPECT_THAT(Verified("testdata/adapters/kohya.safetensors"),
              HasSubstr("is [2,192], expected [n,2048]"));
}

TEST(Verify, WithoutOutNothingElseCanBeAsked) {
  EXPECT_THAT(RunConvertWith({"--in", kTinyModel, "--verify", "--merge_lora", "x"}),
              FailsWith("--out: found none"));
}

}  // namespace
}  // namespace draftp::testing
