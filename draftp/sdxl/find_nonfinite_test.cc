#include "draftp/sdxl/find_nonfinite.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <map>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::TemporaryFolder;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A tensor whose last value of many is `value`.
at::Tensor EndsIn(float value, at::ScalarType dtype = at::kFloat) {
  at::Tensor tensor = at::ones({7, 9});
  tensor[6][8] = value;
  return tensor.to(dtype);
}

std::string Write(const TemporaryFolder& folder, const std::string& name,
                  const std::map<std::string, at::Tensor>& tensors) {
  const std::string path = folder / name;
  EXPECT_TRUE(WriteSafetensors(path, tensors).ok());
  return path;
}

TEST(FindNonfiniteTest, NamesFileAndTensorWhateverTheDtype) {
  for (const at::ScalarType dtype : {at::kFloat, at::kHalf, at::kBFloat16, at::kDouble}) {
    const TemporaryFolder folder;
    const std::string good = Write(folder, "a.safetensors", {{"a", EndsIn(1e4, dtype)}});
    const std::string bad = Write(folder, "b.safetensors",
                                  {{"conv.bias", EndsIn(0)}, {"conv.weight", EndsIn(kNaN, dtype)}});
    EXPECT_EQ(FindNonfinite({folder / "index.json", good, bad}),
              bad + ": tensor \"conv.weight\" holds NaN");
    EXPECT_EQ(FindNonfinite({good}), std::nullopt);
  }
}

TEST(FindNonfiniteTest, TellsInfinityFromNaN) {
  const TemporaryFolder folder;
  const std::string file = Write(folder, "w.safetensors", {{"w", EndsIn(-kInfinity)}});
  EXPECT_EQ(FindNonfinite({file}), file + ": tensor \"w\" holds infinity");
}

TEST(FindNonfiniteTest, PassesOverWhatDoesNotCount) {
  const TemporaryFolder folder;
  const std::string file = Write(folder, "w.safetensors", {{"encoder.w", EndsIn(kNaN)}});
  EXPECT_EQ(FindNonfinite({file}, [](const std::string& name) { return name[0] != 'e'; }),
            std::nullopt);
}

TEST(FindNonfiniteTest, AFileThatIsGoneIsSaid) {
  EXPECT_EQ(FindNonfinite({"/absent/w.safetensors"}),
            "/absent/w.safetensors: can't read: No such file or directory");
}

// The embedded model, as if it had read these files too.
SdxlModel ModelOf(const std::vector<std::string>& files) {
  SdxlModel model =
      *SdxlModel::Load({.model = "testdata/tiny_sdxl"}, *ChooseDevice("cpu", "float32"));
  model.weight_files.insert(model.weight_files.end(), files.begin(), files.end());
  return model;
}

TEST(WhyNotFiniteTest, LatentsComeFromAllButTheDecoderAndPicturesFromItAlone) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "vae");
  const std::string vae =
      Write(folder, "vae/w.safetensors", {{"decoder.w", EndsIn(kNaN)}, {"a", EndsIn(0)}});
  const std::string unet = Write(folder, "u.safetensors", {{"w", EndsIn(kNaN)}});
  EXPECT_EQ(WhyLatentsAreNotFinite(ModelOf({vae, unet})), unet + ": tensor \"w\" holds NaN");
  EXPECT_EQ(WhyPicturesAreNotFinite(ModelOf({unet, vae})),
            vae + ": tensor \"decoder.w\" holds NaN");
}

TEST(WhyNotFiniteTest, FiniteWeightsMeanOverflow) {
  const SdxlModel model = ModelOf({});
  EXPECT_EQ(WhyLatentsAreNotFinite(model),
            "all weights are finite, so values overflowed in float32");
  EXPECT_EQ(WhyPicturesAreNotFinite(model),
            "all weights are finite, so values overflowed in float32");
}

}  // namespace
}  // namespace draftp
