#include "draftp/sdxl/sdxl_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "draftp/io/test_files.h"
#include "draftp/testing/corruption.h"

namespace draftp {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr char kLoadedModel[] = "testdata/tiny_sdxl";

absl::StatusOr<SdxlModel> LoadModel(const SdxlSources& sources) {
  return SdxlModel::Load(sources, *ChooseDevice("cpu", "float32"));
}

// A copy of the tiny model whose files may be damaged.
class SdxlModelTest : public ::testing::Test {
 protected:
  SdxlModelTest() {
    std::filesystem::copy(
        std::filesystem::canonical(kLoadedModel), folder_ / "model",
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  }
  void Replace(const std::string& file, const std::string& from, const std::string& to) {
    const std::string path = folder_ / ("model/" + file);
    std::ifstream in(path);
    std::string text((std::istreambuf_iterator<char>(in)), {});
    in.close();
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    std::filesystem::remove(path);
    std::ofstream(path) << text.replace(at, from.size(), to);
  }
  std::string ErrorOf() {
    return std::string(LoadModel({.model = folder_ / "model"}).status().message());
  }
  testing::TemporaryFolder folder_;
};

TEST_F(SdxlModelTest, LoadsTheEmbeddedModelAndListsItsWeights) {
  const auto model =
      LoadModel({.model = kLoadedModel, .adapters = {{std::string(kLoadedModel) + "/lora"}}});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->default_size.height, 128);
  EXPECT_EQ(model->default_size.width, 128);
  const std::vector<const WeightOrigin*> origins = model->LatentOrigins();
  ASSERT_EQ(origins.size(), 4u);
  EXPECT_THAT(origins.back()->files,
              ElementsAre(EndsWith("lora/pytorch_lora_weights.safetensors")));
  EXPECT_THAT(model->vae.origin->files,
              ElementsAre(EndsWith("vae/diffusion_pytorch_model.safetensors")));
  ASSERT_EQ(model->Networks().size(), 2u);
  EXPECT_THAT(model->Networks()[0].adapters, ElementsAre());
  EXPECT_THAT(model->Networks()[1].adapters, ElementsAre(CarriedAdapter{.slot = 0}));
}

TEST_F(SdxlModelTest, ATunedFolderIsANetworkOfItsOwn) {
  const auto model = LoadModel({.model = kLoadedModel, .tuned = kLoadedModel});
  ASSERT_TRUE(model.ok()) << model.status();
  const auto networks = model->Networks();
  ASSERT_EQ(networks.size(), 2u);
  EXPECT_NE(networks[0].unet, networks[1].unet);
}

TEST_F(SdxlModelTest, WithoutTuningThereIsOneNetwork) {
  EXPECT_EQ(LoadModel({.model = kLoadedModel})->Networks().size(), 1u);
}

TEST_F(SdxlModelTest, NamesWhatIsMissing) {
  EXPECT_THAT(std::string(LoadModel({.model = folder_ / "absent"}).status().message()),
              HasSubstr("absent: can't read: No such file"));
  std::filesystem::remove(folder_ / "model/vae/diffusion_pytorch_model.safetensors");
  EXPECT_THAT(ErrorOf(), HasSubstr("model/vae"));
}

TEST_F(SdxlModelTest, NamesAConfigOfAnotherModel) {
  Replace("unet/config.json", "\"addition_time_embed_dim\": 32", "\"addition_time_embed_dim\": 16");
  EXPECT_THAT(ErrorOf(), HasSubstr("unet/config.json: projection_class_embeddings_input_dim is "
                                   "320, expected 224"));
  Replace("unet/config.json", "\"cross_attention_dim\": 192", "\"cross_attention_dim\": 256");
  EXPECT_THAT(ErrorOf(), HasSubstr("unet"));
}

TEST_F(SdxlModelTest, NamesATokenizerOfAnotherModel) {
  Replace("text_encoder/config.json", "\"eos_token_id\": 737", "\"eos_token_id\": 700");
  EXPECT_THAT(ErrorOf(), AllOf(HasSubstr("model/tokenizer/vocab.json: found id 737"),
                               HasSubstr("700 of text_encoder/config.json")));
  Replace("text_encoder/config.json", "\"eos_token_id\": 700", "\"eos_token_id\": 2");
  EXPECT_EQ(ErrorOf(), "");
  Replace("tokenizer_2/tokenizer_config.json", "77", "78");
  EXPECT_THAT(ErrorOf(), HasSubstr("tokenizer_2/tokenizer_config.json: found model_max_length 78, "
                                   "expected at most max_position_embeddings, 77"));
}

TEST_F(SdxlModelTest, RefusesAnUnsupportedPrediction) {
  Replace("scheduler/scheduler_config.json", "\"prediction_type\": \"epsilon\"",
          "\"prediction_type\": \"sample\"");
  EXPECT_THAT(ErrorOf(), HasSubstr("prediction_type"));
}

TEST_F(SdxlModelTest, CutCaptionsAreTold) {
  const auto model = LoadModel({.model = kLoadedModel});
  std::vector<std::string> warnings;
  std::string caption;
  for (int i = 0; i < 100; ++i) caption += "star ";
  const PromptIds ids = Tokenize(*model, {"a star", caption},
                                 [&](const std::string& line) { warnings.push_back(line); });
  EXPECT_EQ(ids.first.sizes(), (std::vector<int64_t>{2, 77}));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("it is cut at 75"));
}

// Each of the model's files in turn, beside links to the others. Their readers' own tests damage
// them in more places.
class DamagedModelTest : public ::testing::TestWithParam<const char*> {};

TEST_P(DamagedModelTest, EndsInANamedErrorOrALegalModel) {
  const std::filesystem::path whole = std::filesystem::absolute(kLoadedModel);
  const testing::TemporaryFolder folder;
  for (std::filesystem::recursive_directory_iterator file(whole), end; file != end; ++file) {
    const auto copy = folder.path() / file->path().lexically_relative(whole);
    if (file->is_directory()) {
      std::filesystem::create_directory(copy);
    } else {
      std::filesystem::create_symlink(std::filesystem::canonical(file->path()), copy);
    }
  }
  const std::string file = folder / GetParam();
  std::filesystem::remove(file);
  std::filesystem::copy_file(std::filesystem::canonical(whole / GetParam()), file);
  const bool optional = file.ends_with("tokenizer_config.json") || file.ends_with("map.json");
  const bool weights = file.ends_with(".safetensors");
  testing::ExpectSurvivesDamage(
      file,
      {.truncations = 6,
       .flips = 12,
       .text = weights ? testing::SafetensorsHeaderBytes(file) : ~size_t{0},
       .may_be_absent = optional,
       .named = folder.path()},
      [&] {
        return LoadModel({.model = folder.path(), .adapters = {{folder / "lora"}}}).status();
      });
}

INSTANTIATE_TEST_SUITE_P(
    Files, DamagedModelTest,
    ::testing::Values("model_index.json", "scheduler/scheduler_config.json", "tokenizer/vocab.json",
                      "tokenizer/merges.txt", "tokenizer/tokenizer_config.json",
                      "tokenizer/special_tokens_map.json", "tokenizer_2/vocab.json",
                      "tokenizer_2/merges.txt", "tokenizer_2/tokenizer_config.json",
                      "tokenizer_2/special_tokens_map.json", "text_encoder/config.json",
                      "text_encoder/model.safetensors", "text_encoder_2/config.json",
                      "text_encoder_2/model.safetensors", "unet/config.json",
                      "unet/diffusion_pytorch_model.safetensors", "vae/config.json",
                      "vae/diffusion_pytorch_model.safetensors",
                      "lora/pytorch_lora_weights.safetensors"));

}  // namespace
}  // namespace draftp
