#include "draftp/model/vae_decoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "draftp/checkpoint/hugging_face_layout.h"
#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/io/png.h"
#include "draftp/kernels/rgb8.h"
#include "draftp/testing/kept_bytes.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;
using testing::IsCloseTo;
using testing::IsEqualTo;
using testing::RelativeError;

constexpr char kMeanStd[] = "testdata/configs/vae_mean_std";
constexpr char kAttention[] = "decoder.mid_block.attentions.0";

struct DecoderCase {
  std::string golden;
  std::string folder;
};

void PrintTo(const DecoderCase& c, std::ostream* out) { *out << c.golden; }

at::Tensor DecoderGolden(const std::string& name, const std::string& key) {
  return *(*SafetensorsFile::Open("testdata/goldens/" + name + ".safetensors"))->Tensor(key);
}

using Tensors = std::map<std::string, at::Tensor>;

// The tensors of kMeanStd, for tests that change some of them.
Tensors MeanStdTensors() {
  const auto file =
      *SafetensorsFile::Open(std::string(kMeanStd) + "/diffusion_pytorch_model.safetensors");
  Tensors tensors;
  for (const std::string& name : file->names()) tensors[name] = *file->Tensor(name);
  return tensors;
}

absl::StatusOr<VaeDecoder> LoadMeanStd(const Tensors& tensors) {
  return VaeDecoder::FromWeights(*ReadVaeConfig(std::string(kMeanStd) + "/config.json"),
                                 *HuggingFaceLayout::TodaysNames(WeightMap::FromTensors(tensors)),
                                 {.dtype = at::kDouble});
}

at::Tensor DecodeMeanStd(const Tensors& tensors) {
  return DecodeRaw(*LoadMeanStd(tensors), DecoderGolden("vae_mean_std", "z"));
}

class VaeDecoderParityTest : public ::testing::TestWithParam<DecoderCase> {
 protected:
  static VaeDecoder Load(at::ScalarType dtype) {
    auto decoder = VaeDecoder::Load(GetParam().folder, {.dtype = dtype});
    TORCH_CHECK(decoder.ok(), decoder.status().ToString());
    return *std::move(decoder);
  }
  static at::Tensor Expected(const std::string& key) {
    return DecoderGolden(GetParam().golden, key);
  }
  static void ExpectParity(at::ScalarType dtype) {
    const VaeDecoder decoder = Load(dtype);
    const at::Tensor latents =
        Expected("latents").to(dtype == at::kDouble ? at::kDouble : at::kFloat);
    const double tolerance = testing::DefaultTolerance(dtype);
    const at::Tensor z = UnscaleLatents(latents, decoder.config);
    EXPECT_THAT(z, IsCloseTo(Expected("z"), tolerance));
    EXPECT_THAT(DecodeRaw(decoder, z), IsCloseTo(Expected("decoded"), tolerance));
    EXPECT_THAT(Decode(decoder, latents), IsCloseTo(Expected("image"), tolerance));
  }
};

TEST_P(VaeDecoderParityTest, EqualsDiffusersInFloat64) { ExpectParity(at::kDouble); }
TEST_P(VaeDecoderParityTest, EqualsDiffusersInFloat32) { ExpectParity(at::kFloat); }
TEST_P(VaeDecoderParityTest, IsNearDiffusersInBfloat16) { ExpectParity(at::kBFloat16); }

TEST_P(VaeDecoderParityTest, GradientOfLatentsEqualsPyTorchs) {
  const at::Tensor latents = Expected("latents").clone().requires_grad_();
  const at::Tensor image = Decode(Load(at::kDouble), latents);
  image.backward(Expected("cotangent"));
  EXPECT_THAT(latents.grad(), IsCloseTo(Expected("latents_grad"), 1e-9));
}

INSTANTIATE_TEST_SUITE_P(AllDecoders, VaeDecoderParityTest,
                         ::testing::Values(DecoderCase{"vae_tiny", "testdata/tiny_sdxl/vae"},
                                           DecoderCase{"vae_mean_std", kMeanStd},
                                           DecoderCase{"vae_no_attention",
                                                       "testdata/configs/vae_no_attention"}),
                         [](const auto& info) { return info.param.golden; });

TEST(VaeDecoderTest, SwappedBlocksGiveAnotherResult) {
  Tensors tensors = MeanStdTensors();
  EXPECT_THAT(DecodeMeanStd(tensors), IsCloseTo(DecoderGolden("vae_mean_std", "decoded"), 1e-9));
  for (auto& [name, tensor] : tensors) {
    const size_t at = name.find("up_blocks.1.resnets.1");
    if (at == std::string::npos) continue;
    std::swap(tensor, tensors.at(std::string(name).replace(at, 21, "up_blocks.1.resnets.2")));
  }
  EXPECT_GT(RelativeError(DecodeMeanStd(tensors), DecoderGolden("vae_mean_std", "decoded")), 1e-2);
}

TEST(VaeDecoderTest, ReadsOldAttentionNames) {
  const std::pair<const char*, const char*> renamed[] = {{".to_q.", ".query."},
                                                         {".to_k.", ".key."},
                                                         {".to_v.", ".value."},
                                                         {".to_out.0.", ".proj_attn."}};
  Tensors tensors = MeanStdTensors();
  for (const auto& [now, before] : renamed) {
    for (const char* part : {"weight", "bias"}) {
      auto node = tensors.extract(std::string(kAttention) + now + part);
      node.key() = std::string(kAttention) + before + part;
      tensors.insert(std::move(node));
    }
  }
  EXPECT_THAT(DecodeMeanStd(tensors), IsCloseTo(DecoderGolden("vae_mean_std", "decoded"), 1e-9));
}

TEST(VaeDecoderTest, ReadsAttentionWeightsThatAreConvolutions) {
  Tensors tensors = MeanStdTensors();
  for (const char* name : {".to_q", ".to_k", ".to_v", ".to_out.0"}) {
    at::Tensor& weight = tensors[std::string(kAttention) + name + ".weight"];
    weight = weight.unsqueeze(-1).unsqueeze(-1);
  }
  EXPECT_THAT(DecodeMeanStd(tensors), IsCloseTo(DecoderGolden("vae_mean_std", "decoded"), 1e-9));
}

TEST(VaeDecoderTest, NeverNeedsTheEncoder) {
  Tensors tensors = MeanStdTensors();
  std::erase_if(tensors, [](const auto& item) { return item.first.starts_with("encoder."); });
  EXPECT_TRUE(LoadMeanStd(tensors).ok());
}

TEST(VaeDecoderTest, NamesTensorsThatAreMissingOrTooMany) {
  Tensors tensors = MeanStdTensors();
  tensors["post_quant_conv.weight"] = at::ones({4, 4, 1, 1});
  EXPECT_THAT(std::string(LoadMeanStd(tensors).status().message()),
              HasSubstr("post_quant_conv.weight"));
  tensors.erase("post_quant_conv.weight");
  tensors.erase(std::string(kAttention) + ".to_q.weight");
  EXPECT_THAT(std::string(LoadMeanStd(tensors).status().message()),
              HasSubstr("attentions.0.to_q.weight"));
}

TEST(VaeDecoderTest, WeightsAreChannelsLast) {
  const VaeDecoder decoder = *LoadMeanStd(MeanStdTensors());
  EXPECT_TRUE(decoder.conv_in.weight.is_contiguous(at::MemoryFormat::ChannelsLast));
  const at::Tensor image = DecodeRaw(decoder, DecoderGolden("vae_mean_std", "z"));
  EXPECT_TRUE(image.is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST(VaeDecoderTest, ImagesOfABatchAreIndependent) {
  const VaeDecoder decoder = *LoadMeanStd(MeanStdTensors());
  const at::Tensor z = DecoderGolden("vae_mean_std", "z");
  const at::Tensor alone =
      at::cat({DecodeRaw(decoder, z.narrow(0, 0, 1)), DecodeRaw(decoder, z.narrow(0, 1, 1))});
  EXPECT_THAT(DecodeRaw(decoder, z), IsCloseTo(alone, 1e-12));
}

TEST(VaeDecoderTest, RecomputationChangesNoBitOfTheGradient) {
  const VaeDecoder decoder = *LoadMeanStd(MeanStdTensors());
  const at::Tensor plain = DecoderGolden("vae_mean_std", "latents").clone().requires_grad_();
  const at::Tensor again = plain.detach().clone().requires_grad_();
  const auto backpropagate = [&](const at::Tensor& latents, bool recompute) {
    const testing::KeptBytes kept;
    const at::Tensor image = Decode(decoder, latents, {.pieces = RecomputeIf(recompute)});
    const int64_t bytes = kept();
    image.square().sum().backward();
    return bytes;
  };
  const int64_t kept = backpropagate(plain, false), recomputed = backpropagate(again, true);
  EXPECT_THAT(again.grad(), IsEqualTo(plain.grad()));
  EXPECT_LT(recomputed, kept / 3);
}

// Pictures that diffusers drew in float32, and the latents that it drew them from.
TEST(VaeDecoderTest, DrawsTheReferencePictures) {
  const VaeDecoder decoder = *VaeDecoder::Load("testdata/tiny_sdxl/vae", {});
  for (const char* run : {"legacy_ddpm_euler_25/annealed_outputs_sdxl_base/",
                          "legacy_ddpm_euler_25/annealed_outputs_sdxl_draft/",
                          "edm_heun_10_scale_4/annealed_outputs_sdxl_linear/"}) {
    const std::string folder = std::string("testdata/tiny_sdxl/reference/") + run;
    const auto file = *SafetensorsFile::Open(folder + "latents_00001_00.safetensors");
    const at::Tensor latents = UnscaleLatents(*file->Tensor("latents"), decoder.config);
    const at::Tensor drawn = Rgb8(DecodeRaw(decoder, latents));  // [1,128,128,3]
    RgbImage image = ReadPng(folder + "img_00001_00.png")->image;
    const at::Tensor expected = at::from_blob(image.pixels.data(), drawn.sizes(), at::kByte);
    const at::Tensor near = (drawn.to(at::kInt) - expected.to(at::kInt)).abs() <= 1;
    EXPECT_GE(near.to(at::kDouble).mean().item<double>(), 0.999) << folder;
  }
}

TEST(VaeDecoderTest, PixelsAreClampedAndGradientsStopThere) {
  const at::Tensor raw = at::tensor({-1.5, -1.0, 0.0, 0.5, 1.5}, at::kDouble).requires_grad_();
  const at::Tensor pixels = ToPixels(raw);
  EXPECT_THAT(pixels, IsEqualTo(at::tensor({0.0, 0.0, 127.5, 191.25, 255.0}, at::kDouble)));
  pixels.sum().backward();
  const at::Tensor inside = at::tensor({0.0, 127.5, 127.5, 127.5, 0.0}, at::kDouble);
  EXPECT_THAT(raw.grad(), IsEqualTo(inside));
}

TEST(VaeDecoderTest, ImagesAreFloat32WhateverTheDecoder) {
  EXPECT_EQ(ToPixels(at::ones({1}, at::kBFloat16)).scalar_type(), at::kFloat);
  EXPECT_EQ(ToPixels(at::ones({1}, at::kFloat)).scalar_type(), at::kFloat);
}

TEST(VaeDecoderTest, RefusesFloat16AndLatentsOfAnotherModel) {
  EXPECT_THROW((void)VaeDecoder::Load(kMeanStd, {.dtype = at::kHalf}), c10::Error);
  const VaeDecoder decoder = *LoadMeanStd(MeanStdTensors());
  EXPECT_THROW(DecodeRaw(decoder, at::ones({1, 8, 2, 2})), c10::Error);
}

}  // namespace
}  // namespace draftp
