#include "draftp/reward/clip_reward.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/test_files.h"
#include "draftp/reward/clip_towers.h"
#include "draftp/reward/reward_conformance.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

struct Case {
  std::string golden;
  std::string path;
  std::string name;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.golden; }

const ClipTokenizer& Tokenizer() {
  static const ClipTokenizer tokenizer = *ClipTokenizer::Open("testdata/tiny_sdxl/tokenizer");
  return tokenizer;
}

// Parity with transformers: scores, embeddings, image gradients (testdata/generate/reward.py).
class ClipRewardParityTest : public ::testing::TestWithParam<Case> {
 protected:
  void ExpectParity(at::ScalarType dtype, double tolerance) {
    const auto reward = ClipReward::Load(
        GetParam().path, {.placement = {.dtype = dtype}, .fallback_tokenizer = &Tokenizer()});
    ASSERT_TRUE(reward.ok()) << reward.status();
    EXPECT_EQ(reward->name(), GetParam().name);
    const auto file =
        *SafetensorsFile::Open("testdata/goldens/reward_" + GetParam().golden + ".safetensors");
    const std::string suffix = dtype == at::kDouble ? ".f64" : ".f32";
    const auto golden = [&](const std::string& key) { return *file->Tensor(key + suffix); };
    const std::vector<std::string> captions =
        nlohmann::json::parse(file->metadata().at("captions"));
    const at::Tensor images = file->Tensor("images")->to(dtype).requires_grad_();
    const at::Tensor text = reward->EncodeCaptions(captions);
    const at::Tensor score = reward->Score(images, text);
    EXPECT_EQ(score.scalar_type(), dtype);
    EXPECT_THAT(text, IsCloseTo(golden("text"), tolerance));
    EXPECT_THAT(reward->ImageEmbedding(images), IsCloseTo(golden("image"), tolerance));
    EXPECT_THAT(score, IsCloseTo(golden("score"), tolerance));
    (score * (at::arange(score.size(0), score.options()) + 1)).sum().backward();
    const at::Tensor gradient = images.grad();
    EXPECT_THAT(gradient.slice(2, 0, {}, 3).slice(3, 0, {}, 3),
                IsCloseTo(golden("gradient"), tolerance));
    EXPECT_THAT(gradient.norm(), IsCloseTo(golden("gradient_norm"), tolerance));
  }
};

TEST_P(ClipRewardParityTest, EqualsTransformersInFloat64) { ExpectParity(at::kDouble, 1e-9); }
TEST_P(ClipRewardParityTest, EqualsTransformersInFloat32) { ExpectParity(at::kFloat, 5e-5); }

INSTANTIATE_TEST_SUITE_P(
    AllRewards, ClipRewardParityTest,
    ::testing::Values(Case{"tiny", "testdata/tiny_sdxl/reward_model", "PickScore"},
                      Case{"tiny_wide", "testdata/tiny_sdxl/reward_model", "PickScore"},
                      Case{"gelu_new", "testdata/configs/reward_gelu_new", "PickScore"},
                      Case{"open_clip", "testdata/configs/reward_open_clip", "HPSv2.1"}),
    [](const auto& info) { return info.param.golden; });

constexpr char kGeluNew[] = "testdata/configs/reward_gelu_new";
constexpr char kOpenClip[] = "testdata/configs/reward_open_clip";

absl::StatusOr<ClipReward> Load(const std::string& path, at::ScalarType dtype = at::kDouble,
                                bool recompute = false) {
  return ClipReward::Load(path, {.placement = {.dtype = dtype},
                                 .fallback_tokenizer = &Tokenizer(),
                                 .pieces = RecomputeIf(recompute)});
}

// A copy of `original`, to be changed.
void Copy(const std::string& original, const TemporaryFolder& folder) {
  std::filesystem::copy(original, folder.path());
}

struct ClipExamples {
  static std::vector<ClipReward> All() { return {*Load(kGeluNew), *Load(kOpenClip)}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Clip, RewardConformance, ClipExamples);

TEST(ClipRewardTest, TheJsonSaysKindAndVersion) {
  const TemporaryFolder folder;
  Copy(kGeluNew, folder);
  const auto load = [&folder](const std::string& json) {
    folder.Write("draftp_reward.json", json);
    return Load(folder.path());
  };
  const at::Tensor cosine =
      (*load(R"({"kind": "hpsv2", "version": "2.0"})"))(ConformanceImages(), ConformanceCaptions());
  EXPECT_LT(cosine.min().item<double>(), 0);  // so that the clamp shows
  EXPECT_EQ(load(R"({"kind": "hpsv2", "version": "2.0"})")->name(), "HPSv2.0");
  const auto clip_score = load(R"({"kind": "clip_score"})");
  EXPECT_EQ(clip_score->name(), "CLIPScore");
  EXPECT_THAT((*clip_score)(ConformanceImages(), ConformanceCaptions()),
              IsCloseTo(100 * cosine.clamp_min(0), 1e-14));
  const auto pick_score = load(R"({"kind": "pickscore", "version": "v1"})");
  EXPECT_EQ(pick_score->name(), "PickScore-v1");
  EXPECT_THAT((*pick_score)(ConformanceImages(), ConformanceCaptions()),
              IsCloseTo(std::exp(2.5) * cosine, 1e-14));
}

TEST(ClipRewardTest, ErrorsOfTheJsonNameItAndTheKey) {
  const TemporaryFolder folder;
  Copy(kGeluNew, folder);
  const auto expect = [&folder](const std::string& json, const std::string& what) {
    folder.Write("draftp_reward.json", json);
    EXPECT_THAT(Load(folder.path()), FailsWith("draftp_reward.json: " + what)) << json;
  };
  expect(R"({"kind": "aesthetic"})", "key \"kind\": found \"aesthetic\", supported: pickscore");
  expect(R"({"kind": "hpsv2"})", "found no version of HPSv2, expected 2.0 or 2.1");
  expect(R"({"kind": "hpsv2", "version": "3.0"})", "found version \"3.0\"");
  expect(R"({"kind": "pickscore", "version": "a/b"})", "key \"version\": found \"a/b\"");
  expect(R"({"kind": "pickscore", "scale": 2})", "key \"scale\"");
}

TEST(ClipRewardTest, HpsV2sVersionIsInTheFilesName) {
  const TemporaryFolder folder;
  Copy(kOpenClip, folder);
  std::string file = folder / "HPS_v2.1.safetensors";
  const auto load = [&](const std::string& name) {
    std::filesystem::rename(file, folder / name);
    file = folder / name;
    return Load(name[0] == 'x' ? folder.path() : file);
  };
  EXPECT_EQ(load("HPS_v2.1_compressed.safetensors")->name(), "HPSv2.1");
  EXPECT_EQ(load("HPS_v2_compressed.safetensors")->name(), "HPSv2.0");
  EXPECT_EQ(load("HPS_v2.safetensors")->name(), "HPSv2.0");
  EXPECT_EQ(load("hpsv2.0.safetensors")->name(), "HPSv2.0");
  EXPECT_EQ(load("x-HPSv2.1.safetensors")->name(), "HPSv2.1");
  EXPECT_THAT(load("HPS_v2.5.safetensors"), FailsWith("found no version of HPSv2, expected 2.0"));
  EXPECT_THAT(load("HPS_v2.10.safetensors"), FailsWith("found no version of HPSv2"));
  EXPECT_THAT(load("open_clip_model.safetensors"),
              FailsWith("open_clip_model.safetensors: found no version of HPSv2, expected 2.0 or "
                        "2.1 in the file's name"));
  folder.Write("draftp_reward.json", R"({"kind": "hpsv2", "version": "2.1"})");
  EXPECT_EQ(Load(file)->name(), "HPSv2.1");
}

TEST(ClipRewardTest, TakesTheTokenizerBesideTheWeights) {
  const std::vector<std::string> caption = {"a red star"};
  const at::Tensor expected = Load(kGeluNew)->EncodeCaptions(caption);
  const TemporaryFolder beside, below;
  for (const TemporaryFolder* folder : {&beside, &below}) {
    Copy(kGeluNew, *folder);
    const bool in_it = folder == &beside;
    const std::string target = in_it ? folder->path() : *folder / "tokenizer";
    std::filesystem::copy("testdata/tiny_sdxl/tokenizer", target);
    const auto reward = ClipReward::Load(folder->path(), {.placement = {.dtype = at::kDouble}});
    ASSERT_TRUE(reward.ok()) << reward.status();
    EXPECT_THAT(reward->EncodeCaptions(caption), IsEqualTo(expected));
  }
  EXPECT_THAT(ClipReward::Load(kGeluNew, {}), FailsWith("reward_gelu_new: found no tokenizer"));
}

TEST(ClipRewardTest, RejectsATokenizerThatDoesNotFitTheTextTower) {
  const TemporaryFolder folder;
  Copy(kGeluNew, folder);
  const auto load = [&folder](const std::string& key, int64_t value) {
    nlohmann::json config = nlohmann::json::parse(Contents(std::string(kGeluNew) + "/config.json"));
    config["text_config"][key] = value;
    folder.Write("config.json", config.dump());
    return Load(folder.path());
  };
  EXPECT_THAT(load("eos_token_id", 700),
              FailsWith("found a tokenizer whose end-of-text is 737, expected the eos_token_id, "
                        "700 of the reward's text tower"));
  EXPECT_TRUE(load("eos_token_id", 2).ok());  // the greatest id, 737
  const auto other = ClipTokenizer::Open("testdata/tokenizer_scripts");
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_THAT(ClipReward::Load(kGeluNew, {.placement = {}, .fallback_tokenizer = &*other}),
              FailsWith("reward_gelu_new: has no tokenizer and was given the model's: found a "
                        "tokenizer"));
}

TEST(ClipRewardTest, RecomputedGradientsAreBitEqual) {
  const std::vector<std::string> captions = ConformanceCaptions();
  at::Tensor scores[2], gradients[2];
  for (const bool recompute : {false, true}) {
    const auto reward = Load("testdata/tiny_sdxl/reward_model", at::kFloat, recompute);
    const at::Tensor images = ConformanceImages(70, 64).to(at::kFloat).requires_grad_();
    scores[recompute] = (*reward)(images, captions);
    scores[recompute].sum().backward();
    gradients[recompute] = images.grad();
  }
  EXPECT_THAT(scores[1], IsEqualTo(scores[0]));
  EXPECT_THAT(gradients[1], IsEqualTo(gradients[0]));
}

// Runs pieces and notes what they say that they read.
struct NotePieces {
  static constexpr bool kWeightsStay = true;
  std::shared_ptr<std::set<const void*>> read = std::make_shared<std::set<const void*>>();

  at::Tensor operator()(const Piece& piece, const std::vector<at::Tensor>& inputs,
                        const PieceParameters& parameters) const {
    for (const at::Tensor& tensor : parameters()) read->insert(tensor.unsafeGetTensorImpl());
    return piece(inputs);
  }
};

TEST(ClipRewardTest, LayersOfBothTowersRunByThePiecesOfItsCopy) {
  const auto reward = Load(kGeluNew);
  const NotePieces pieces;
  const ClipReward copy = reward->WithPieces(pieces);
  reward->Score(ConformanceImages(), reward->EncodeCaptions(ConformanceCaptions()));
  EXPECT_TRUE(pieces.read->empty());
  EXPECT_THAT(copy(ConformanceImages(), ConformanceCaptions()),
              IsEqualTo((*reward)(ConformanceImages(), ConformanceCaptions())));
  for (const auto* layers : {&reward->towers().text.layers, &reward->towers().image.layers}) {
    for (const std::vector<at::Tensor>& piece : PieceWeights(*layers)) {
      for (const at::Tensor& tensor : piece)
        EXPECT_TRUE(pieces.read->contains(tensor.unsafeGetTensorImpl()));
    }
  }
}

TEST(ClipRewardTest, LowPrecisionWeightsStillScoreInFloat32) {
  const at::Tensor exact = (*Load(kGeluNew))(ConformanceImages(), ConformanceCaptions());
  const auto reward = Load(kGeluNew, at::kBFloat16);
  const at::Tensor images = ConformanceImages().requires_grad_();
  const at::Tensor score = (*reward)(images, ConformanceCaptions());
  EXPECT_EQ(reward->EncodeCaptions(ConformanceCaptions()).scalar_type(), at::kFloat);
  EXPECT_EQ(score.scalar_type(), at::kFloat);
  EXPECT_THAT(score, IsCloseTo(exact, 5e-2));
  score.sum().backward();
  EXPECT_GT(images.grad().abs().max().item<double>(), 0);
}

TEST(ClipRewardTest, RejectsTextOfAnotherBatch) {
  const auto reward = Load(kGeluNew);
  const at::Tensor text = reward->EncodeCaptions(ConformanceCaptions());
  EXPECT_THROW(reward->Score(ConformanceImages().narrow(0, 0, 2), text), c10::Error);
  EXPECT_THROW(reward->Score(ConformanceImages(), text.narrow(1, 0, 3)), c10::Error);
}

}  // namespace
}  // namespace draftp::testing
