#include "draftp/sdxl/find_nonfinite.h"

#include <ATen/ops/full_like.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <utility>

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
    const WeightOrigin shards{.files = {folder / "index.json", good, bad},
                              .taken = {{good, {"a"}}, {bad, {"conv.bias", "conv.weight"}}}};
    const WeightOrigin one{.files = {good}, .taken = {{good, {"a"}}}};
    EXPECT_EQ(FindNonfinite({&one, &shards}), bad + ": tensor \"conv.weight\" holds NaN");
    EXPECT_EQ(FindNonfinite({&one}), std::nullopt);
  }
}

WeightOrigin Of(const std::string& file, std::set<std::string> taken) {
  return {.files = {file}, .taken = {{file, std::move(taken)}}};
}

TEST(FindNonfiniteTest, TellsInfinityFromNaN) {
  const TemporaryFolder folder;
  const std::string file = Write(folder, "w.safetensors", {{"w", EndsIn(-kInfinity)}});
  const WeightOrigin origin = Of(file, {"w"});
  EXPECT_EQ(FindNonfinite({&origin}), file + ": tensor \"w\" holds infinity");
}

TEST(FindNonfiniteTest, PassesOverWhatWasNotTaken) {
  const TemporaryFolder folder;
  const std::string file =
      Write(folder, "w.safetensors", {{"encoder.w", EndsIn(kNaN)}, {"w", EndsIn(0)}});
  const WeightOrigin origin = Of(file, {"w"});
  EXPECT_EQ(FindNonfinite({&origin}), std::nullopt);
}

TEST(FindNonfiniteTest, AFileThatIsGoneIsSaid) {
  const WeightOrigin origin = Of("/absent/w.safetensors", {"w"});
  EXPECT_EQ(FindNonfinite({&origin}),
            "/absent/w.safetensors: can't read: No such file or directory");
}

constexpr char kFiniteModel[] = "testdata/tiny_sdxl";

SdxlModel LoadFinite(const SdxlSources& sources = {.model = kFiniteModel}) {
  return *SdxlModel::Load(sources, *ChooseDevice("cpu", "float32"));
}

// One file that holds both parts, as everyone's single files do.
TEST(WhyNotFiniteTest, LatentsComeFromAllButTheDecoderAndPicturesFromItAlone) {
  const TemporaryFolder folder;
  const std::string file = Write(folder, "both.safetensors",
                                 {{"decoder.w", EndsIn(kNaN)}, {"unet.w", EndsIn(kInfinity)}});
  SdxlModel model = LoadFinite();
  model.vae.origin = std::make_shared<const WeightOrigin>(Of(file, {"decoder.w"}));
  EXPECT_EQ(WhyLatentsAreNotFinite(model),
            "all weights are finite, so values overflowed in float32");
  model.unet.origin = std::make_shared<const WeightOrigin>(Of(file, {"unet.w"}));
  EXPECT_EQ(WhyLatentsAreNotFinite(model), file + ": tensor \"unet.w\" holds infinity");
  EXPECT_EQ(WhyPicturesAreNotFinite(model), file + ": tensor \"decoder.w\" holds NaN");
}

// A copy of a part of the embedded model whose tensor `name` holds NaN; the file.
std::string Spoil(const std::string& part, const std::string& to, const std::string& name) {
  const std::string from = std::string(kFiniteModel) + "/" + part;
  const std::string file = to + "/diffusion_pytorch_model.safetensors";
  std::filesystem::create_directories(to);
  std::filesystem::copy(from + "/config.json", to + "/config.json");
  const auto weights = *SafetensorsFile::Open(from + "/diffusion_pytorch_model.safetensors");
  std::map<std::string, at::Tensor> tensors;
  for (const std::string& each : weights->names()) tensors[each] = *weights->Tensor(each);
  tensors.at(name) = at::full_like(tensors.at(name), kNaN);
  EXPECT_TRUE(WriteSafetensors(file, tensors).ok());
  return file;
}

TEST(WhyNotFiniteTest, AFineTunedUNetIsNoDecoderWhateverItsFolderIsCalled) {
  const TemporaryFolder folder;
  const std::string file = Spoil("unet", folder / "vae", "conv_in.bias");
  const SdxlModel model = LoadFinite({.model = kFiniteModel, .tuned = folder / "vae"});
  EXPECT_EQ(WhyLatentsAreNotFinite(model), file + ": tensor \"conv_in.bias\" holds NaN");
  EXPECT_EQ(WhyPicturesAreNotFinite(model),
            "all weights are finite, so values overflowed in float32");
}

// The encoder isn't asked.
TEST(WhyNotFiniteTest, TheDecodersFileIsSearchedForWhatTheDecoderTook) {
  const TemporaryFolder folder;
  SdxlModel model = LoadFinite();
  model.vae = *VaeDecoder::Load(
      std::filesystem::path(Spoil("vae", folder / "unet", "encoder.conv_in.bias")).parent_path(),
      {});
  EXPECT_EQ(WhyPicturesAreNotFinite(model),
            "all weights are finite, so values overflowed in float32");
  const std::string file = Spoil("vae", folder / "again", "decoder.conv_in.bias");
  model.vae = *VaeDecoder::Load(folder / "again", {});
  EXPECT_EQ(WhyPicturesAreNotFinite(model), file + ": tensor \"decoder.conv_in.bias\" holds NaN");
}

TEST(WhyNotFiniteTest, FiniteWeightsMeanOverflow) {
  const SdxlModel model = LoadFinite();
  EXPECT_EQ(WhyLatentsAreNotFinite(model),
            "all weights are finite, so values overflowed in float32");
  EXPECT_EQ(WhyPicturesAreNotFinite(model),
            "all weights are finite, so values overflowed in float32");
}

}  // namespace
}  // namespace draftp
