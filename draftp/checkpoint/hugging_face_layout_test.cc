#include "draftp/checkpoint/hugging_face_layout.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "draftp/checkpoint/layout_conformance.h"
#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/test_files.h"

namespace draftp::testing {
namespace {

using ::testing::ElementsAre;

using PartTensors = std::map<std::string, at::Tensor>;

PartTensors ReadTensors(const std::string& path) {
  const auto file = *SafetensorsFile::Open("testdata/" + path);
  PartTensors tensors;
  for (const std::string& name : file->names()) tensors[name] = *file->Tensor(name);
  return tensors;
}

PartTensors TinyUNet() { return ReadTensors("tiny_sdxl/unet/diffusion_pytorch_model.safetensors"); }
PartTensors TinyVae() { return ReadTensors("tiny_sdxl/vae/diffusion_pytorch_model.safetensors"); }

std::vector<ModelPart> SeenIn(const PartTensors& tensors) {
  return HuggingFaceLayout::Sees(WeightMap::FromTensors(tensors));
}

TEST(HuggingFaceLayoutTest, KnowsAFileByItsNames) {
  PartTensors clip = ReadTensors("configs/reward_gelu_new/model.safetensors");
  EXPECT_THAT(SeenIn(clip), ElementsAre(ModelPart::kClip));
  std::erase_if(clip, [](const auto& item) { return item.first.starts_with("text_"); });
  EXPECT_THAT(SeenIn(clip), ElementsAre(ModelPart::kImageEncoder));
}

// As transformers 5 writes a CLIPTextModel.
TEST(HuggingFaceLayoutTest, ATextEncoderMayLackItsPrefix) {
  PartTensors bare;
  for (const auto& [name, tensor] : ReadTensors("tiny_sdxl/text_encoder/model.safetensors"))
    bare[name.starts_with("text_model.") ? name.substr(11) : name] = tensor;
  bare["embeddings.position_ids"] = at::arange(77);
  EXPECT_THAT(SeenIn(bare), ElementsAre(ModelPart::kTextEncoder));
  const WeightMap named = *HuggingFaceLayout::TodaysNames(WeightMap::FromTensors(bare));
  for (const std::string& name : named.names()) EXPECT_TRUE(name.starts_with("text_")) << name;
  EXPECT_FALSE(named.Contains("text_model.embeddings.position_ids"));
}

TEST(HuggingFaceLayoutTest, AnOldAttentionIsMissedAndFoundDoubleByItsOwnName) {
  PartTensors vae = TinyVae();
  const std::string attention = "decoder.mid_block.attentions.0.";
  ASSERT_TRUE(vae.contains(attention + "to_q.weight"));
  vae[attention + "query.weight"] = vae[attention + "to_q.weight"];
  EXPECT_THAT(HuggingFaceLayout::TodaysNames(WeightMap::FromTensors(vae, "vae.safetensors")),
              FailsWith("both are \"decoder.mid_block.attentions.0.to_q.weight\""));
  vae.erase(attention + "to_q.weight");
  vae[attention + "query.weight"] = vae[attention + "query.weight"].unsqueeze(-1).unsqueeze(-1);
  WeightMap named = *HuggingFaceLayout::TodaysNames(WeightMap::FromTensors(vae, "vae.safetensors"));
  EXPECT_THAT(named.Take(attention + "to_q.weight", {1, 1}),
              FailsWith("attentions.0.query.weight\": found shape"));
}

TEST(HuggingFaceLayoutTest, TwoPartsInOneFileAreAmbiguous) {
  PartTensors both = TinyUNet();
  both.merge(TinyVae());
  EXPECT_THAT(
      HuggingFaceLayout::Parts(WeightMap::FromTensors(both, "both.safetensors")),
      FailsWith("both.safetensors: found tensors of a UNet and of a VAE, expected one part"));
}

TEST(HuggingFaceLayoutTest, TheConfigIsTheFolders) {
  LayoutPart part{ModelPart::kVae, WeightMap::FromTensors(TinyVae())};
  auto config = HuggingFaceLayout::Config(part, "testdata/tiny_sdxl/vae");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->model.source(), "testdata/tiny_sdxl/vae/config.json");
  EXPECT_TRUE(config->model.Has("latent_channels"));
  EXPECT_THAT(HuggingFaceLayout::Config(part, "testdata/none"), FailsWith("none/config.json"));
}

struct HuggingFaceExamples {
  using Type = HuggingFaceLayout;
  static std::vector<PartTensors> All() {
    return {TinyUNet(), TinyVae(), ReadTensors("tiny_sdxl/text_encoder_2/model.safetensors"),
            ReadTensors("configs/reward_gelu_new/model.safetensors")};
  }
  static std::vector<std::vector<ModelPart>> Parts() {
    return {{ModelPart::kUNet}, {ModelPart::kVae}, {ModelPart::kTextEncoder}, {ModelPart::kClip}};
  }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(HuggingFace, LayoutConformance, HuggingFaceExamples);

}  // namespace draftp::testing
