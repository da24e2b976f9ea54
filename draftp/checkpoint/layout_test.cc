// The concept Layout, and which of its members a file is told to be.
#include "draftp/checkpoint/layout.h"

#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "draftp/checkpoint/any_layout.h"
#include "draftp/checkpoint/hugging_face_layout.h"
#include "draftp/checkpoint/open_clip_layout.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::FailsWith;

// Good: a file that holds one tensor of a VAE.
struct OneTensorLayout {
  static constexpr char kExpected[] = "the tensor x";
  static std::vector<ModelPart> Sees(const WeightMap& weights) {
    return weights.Contains("x") ? std::vector{ModelPart::kVae} : std::vector<ModelPart>{};
  }
  static absl::StatusOr<std::vector<LayoutPart>> Parts(WeightMap weights) {
    std::vector<LayoutPart> parts;
    parts.push_back({ModelPart::kVae, std::move(weights)});
    return parts;
  }
  static absl::StatusOr<PartConfig> Config(const LayoutPart&, const std::string&) {
    return PartConfig{.model = JsonReader("here", nlohmann::json::object())};
  }
};

// Good: parts by prefix, as single files have them; what it is known by is decided at run time.
struct PrefixLayout {
  inline static const std::string kExpected = "first_stage_model.* and model.diffusion_model.*";
  static std::vector<ModelPart> Sees(const WeightMap& weights) {
    if (!weights.Contains("first_stage_model.x")) return {};
    return {ModelPart::kVae, ModelPart::kUNet};
  }
  static absl::StatusOr<std::vector<LayoutPart>> Parts(WeightMap weights) {
    const std::vector<Renaming> names = {{"first_stage_model.x", "vae.x"},
                                         {"model.diffusion_model.x", "unet.x"}};
    auto renamed = std::move(weights).Rename(names);
    if (!renamed.ok()) return renamed.status();
    std::vector<LayoutPart> parts;
    parts.push_back({ModelPart::kVae, renamed->Extract({"vae."})});
    parts.push_back({ModelPart::kUNet, renamed->Extract({"unet."})});
    return parts;
  }
  static absl::StatusOr<PartConfig> Config(const LayoutPart& part, const std::string& folder) {
    return OneTensorLayout::Config(part, folder);
  }
};

// Bad: detects by a path, not by names and shapes.
struct PathLayout : OneTensorLayout {
  static std::vector<ModelPart> Sees(const std::string& path);
};

// Bad: reads the tensors, so that they are copied.
struct CopyingLayout : OneTensorLayout {
  static absl::StatusOr<std::map<std::string, at::Tensor>> Parts(WeightMap weights);
};

// Bad: has nothing to say of itself in a message.
struct NamelessLayout {
  static std::vector<ModelPart> Sees(const WeightMap& weights);
  static absl::StatusOr<std::vector<LayoutPart>> Parts(WeightMap weights);
  static absl::StatusOr<PartConfig> Config(const LayoutPart& part, const std::string& folder);
};

static_assert(Layout<OneTensorLayout> && Layout<PrefixLayout>);
static_assert(!Layout<PathLayout> && !Layout<CopyingLayout> && !Layout<NamelessLayout>);

TEST(LayoutTest, PartsOfOneFileEachKnowWhatTheyTook) {
  WeightMap file = WeightMap::FromTensors(
      {{"first_stage_model.x", at::ones({2})}, {"model.diffusion_model.x", at::ones({3})}}, "xl");
  ASSERT_EQ(PrefixLayout::Sees(file).size(), 2u);
  auto parts = *PrefixLayout::Parts(std::move(file));
  EXPECT_THAT(parts[0].weights.Take("vae.x", {3}),
              FailsWith("xl: tensor \"first_stage_model.x\": found shape [2], expected [3]"));
  EXPECT_TRUE(parts[1].weights.Take("unet.x", {3}).ok());
}

absl::StatusOr<AnyLayout> Detected(const std::map<std::string, at::Tensor>& tensors) {
  return DetectLayout(WeightMap::FromTensors(tensors, "w.safetensors"));
}

std::map<std::string, at::Tensor> OpenClipMarks() {
  return {{"visual.conv1.weight", at::ones({8, 3, 2, 2})},
          {"token_embedding.weight", at::ones({5, 8})}};
}

TEST(LayoutTest, EachIsKnownByNamesAndShapes) {
  const auto hugging_face = Detected({{"conv_in.weight", at::ones({8, 4, 3, 3})},
                                      {"time_embedding.linear_1.weight", at::ones({8, 8})}});
  EXPECT_TRUE(*hugging_face == AnyLayout::Of<HuggingFaceLayout>());
  EXPECT_TRUE(*Detected(OpenClipMarks()) == AnyLayout::Of<OpenClipLayout>());
  auto flat = OpenClipMarks();
  flat["visual.conv1.weight"] = at::ones({8, 12});
  EXPECT_FALSE(Detected(flat).ok());
}

TEST(LayoutTest, UnknownNamesAreAnErrorThatSaysWhatIsThereAndWhatIsExpected) {
  EXPECT_THAT(
      Detected(
          {{"a", at::ones({1})}, {"b", at::ones({1})}, {"c", at::ones({1})}, {"d", at::ones({1})}}),
      FailsWith("w.safetensors: found tensors a, b, c and 1 more, expected a UNet or VAE as "
                "diffusers names its tensors or a CLIP as transformers does, or a CLIP as "
                "open_clip names its tensors (visual.* and transformer.*)"));
  EXPECT_THAT(Detected({}), FailsWith("w.safetensors: found no tensors, expected a UNet or VAE"));
}

TEST(LayoutTest, NamesOfTwoLayoutsAreAmbiguous) {
  auto both = OpenClipMarks();
  both["text_model.embeddings.token_embedding.weight"] = at::ones({5, 8});
  EXPECT_THAT(Detected(both), FailsWith("w.safetensors: found tensors of a UNet or VAE"));
  EXPECT_THAT(Detected(both), FailsWith("expected those of one of these layouts"));
}

}  // namespace
}  // namespace draftp
