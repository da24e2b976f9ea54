#include "draftp/reward/clip_towers.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/checkpoint/test_torch_files.h"
#include "draftp/io/test_files.h"
#include "draftp/testing/corruption.h"

namespace draftp::testing {
namespace {

constexpr char kTiny[] = "testdata/tiny_sdxl/reward_model";
constexpr char kGeluNewTowers[] = "testdata/configs/reward_gelu_new";
constexpr char kOpenClipTowers[] = "testdata/configs/reward_open_clip";

TEST(ClipTowersTest, ReadsBothLayouts) {
  const auto tiny = LoadClipTowers(kTiny, {});
  ASSERT_TRUE(tiny.ok()) << tiny.status();
  EXPECT_FALSE(tiny->open_clip);
  EXPECT_EQ(tiny->image.layers.size(), 5u);
  EXPECT_EQ(tiny->text.config.projection_dim, 128);
  const auto file = LoadClipTowers(std::string(kTiny) + "/model.safetensors", {});
  EXPECT_TRUE(file.ok()) << file.status();
  const auto open_clip = LoadClipTowers(kOpenClipTowers, {});
  ASSERT_TRUE(open_clip.ok()) << open_clip.status();
  EXPECT_TRUE(open_clip->open_clip);
  EXPECT_DOUBLE_EQ(open_clip->logit_scale, 2.5);
  EXPECT_TRUE(LoadClipTowers(std::string(kOpenClipTowers) + "/HPS_v2.1.safetensors", {}).ok());
}

std::map<std::string, at::Tensor> TensorsIn(const std::string& path) {
  const auto file = SafetensorsFile::Open(path);
  EXPECT_TRUE(file.ok()) << file.status();
  std::map<std::string, at::Tensor> tensors;
  for (const std::string& name : (*file)->names()) tensors[name] = *(*file)->Tensor(name);
  return tensors;
}

// HPSv2 comes so, and PickScore, too.
TEST(ClipTowersTest, ReadsBothLayoutsFromFilesOfTorchSave) {
  const TemporaryFolder open_clip, hugging_face;
  const auto tensors = TensorsIn(std::string(kOpenClipTowers) + "/HPS_v2.1.safetensors");
  const std::string pt = open_clip.Write("HPS_v2.1.pt", TorchStateDict(tensors));
  open_clip.Write("open_clip_config.json",
                  Contents(std::string(kOpenClipTowers) + "/open_clip_config.json"));
  for (const std::string& path : {pt, open_clip.path()}) {
    const auto towers = LoadClipTowers(path, {});
    ASSERT_TRUE(towers.ok()) << towers.status();
    EXPECT_TRUE(towers->open_clip);
    EXPECT_EQ(towers->files, std::vector<std::string>{pt});
    EXPECT_TRUE(towers->image.class_embedding.equal(
        LoadClipTowers(kOpenClipTowers, {})->image.class_embedding));
  }
  hugging_face.Write("pytorch_model.bin",
                     TorchStateDict(TensorsIn(std::string(kGeluNewTowers) + "/model.safetensors")));
  hugging_face.Write("config.json", Contents(std::string(kGeluNewTowers) + "/config.json"));
  const auto towers = LoadClipTowers(hugging_face.path(), {});
  EXPECT_TRUE(towers.ok()) << towers.status();
}

// As files before transformers 4.26 have it.
TEST(ClipTowersTest, OldConfigDictsCountInsteadOfTheConfigs) {
  const TemporaryFolder folder;
  std::filesystem::copy(kGeluNewTowers, folder.path());
  nlohmann::json config = nlohmann::json::parse(Contents(folder / "config.json"));
  for (const char* tower : {"text_config", "vision_config"}) {
    config[std::string(tower) + "_dict"] = config[tower];
    config[tower]["hidden_size"] = 1000;
  }
  folder.Write("config.json", config.dump());
  const auto towers = LoadClipTowers(folder.path(), {});
  EXPECT_TRUE(towers.ok()) << towers.status();
  config["vision_config_dict"] = nullptr;
  folder.Write("config.json", config.dump());
  EXPECT_THAT(LoadClipTowers(folder.path(), {}), FailsWith("config.json: vision_config: key"));
}

// What is expected where, and both layouts are said.
void ExpectOtherLayout(const std::string& path, const std::string& found) {
  const auto towers = LoadClipTowers(path, {});
  EXPECT_THAT(towers, FailsWith(found));
  EXPECT_THAT(towers, FailsWith(path));
  EXPECT_THAT(towers, FailsWith("expected a Hugging Face CLIPModel (a folder with config.json"));
  EXPECT_THAT(towers, FailsWith("or open_clip weights (a .safetensors or .pt file with visual.*"));
}

TEST(ClipTowersTest, AnotherLayoutIsNamedBesideBoth) {
  const TemporaryFolder empty, pickled, two, weights;
  ExpectOtherLayout("/nowhere/at/all", "/nowhere/at/all: found nothing");
  ExpectOtherLayout(empty.path(), "found an empty folder");
  pickled.Write("a.pt", "x");
  pickled.Write("b.bin", "x");
  ExpectOtherLayout(pickled.path(), "found a.pt, b.bin without config.json");
  two.Write("a.safetensors", "x");
  two.Write("b.safetensors", "x");
  ExpectOtherLayout(two.path(), "found a.safetensors, b.safetensors without config.json");
  ExpectOtherLayout("testdata/tiny_sdxl/text_encoder_2", "CLIPTextModelWithProjection");
  ExpectOtherLayout("testdata/tiny_sdxl/unet", "neither \"architectures\" nor \"model_type\"");
  ExpectOtherLayout("testdata/tiny_sdxl/vae/diffusion_pytorch_model.safetensors",
                    "found tensors decoder.conv_in.bias, ");
  std::filesystem::copy(std::string(kGeluNewTowers) + "/model.safetensors",
                        weights / "model.safetensors");
  ExpectOtherLayout(weights.path(), "without config.json");
}

TEST(ClipTowersTest, NamesTensorsThatAreMissingMisshapenOrTooMany) {
  const TemporaryFolder folder;
  std::filesystem::copy(std::string(kGeluNewTowers) + "/config.json", folder / "config.json");
  const auto file = *SafetensorsFile::Open(std::string(kGeluNewTowers) + "/model.safetensors");
  std::map<std::string, at::Tensor> all;
  for (const std::string& name : file->names()) all[name] = *file->Tensor(name);
  const auto load = [&folder](const std::map<std::string, at::Tensor>& tensors) {
    EXPECT_TRUE(WriteSafetensors(folder / "model.safetensors", tensors).ok());
    return LoadClipTowers(folder.path(), {});
  };
  auto changed = all;
  changed.erase("logit_scale");
  EXPECT_THAT(load(changed), FailsWith("model.safetensors: tensor \"logit_scale\": found no such"));
  changed = all;
  changed["logit_bias"] = all["logit_scale"];
  EXPECT_THAT(load(changed), FailsWith("a CLIPModel has no place for tensor logit_bias"));
  changed = all;
  changed["visual_projection.weight"] = all["visual_projection.weight"].t();
  EXPECT_THAT(load(changed), FailsWith("found shape [24, 20], expected [20, 24]"));
  changed = all;
  changed.erase("text_model.encoder.layers.1.mlp.fc1.bias");
  EXPECT_THAT(load(changed), FailsWith("text_model.encoder.layers.1.mlp.fc1.bias"));
}

TEST(ClipTowersTest, SurvivesDamagedFiles) {
  const TemporaryFolder folder;
  std::filesystem::copy(kGeluNewTowers, folder.path());
  const auto read = [&folder] { return LoadClipTowers(folder.path(), {}).status(); };
  DamagePlan config{.truncations = 20, .flips = 60, .named = folder.path()};
  EXPECT_GT(ExpectSurvivesDamage(folder / "config.json", config, read).errors, 60u);
  DamagePlan weights{.truncations = 20, .flips = 60, .named = folder.path()};
  weights.text = SafetensorsHeaderBytes(folder / "model.safetensors");
  EXPECT_GT(ExpectSurvivesDamage(folder / "model.safetensors", weights, read).errors, 60u);
}

TEST(ClipTowersTest, SurvivesDamagedOpenClipFiles) {
  const TemporaryFolder folder;
  std::filesystem::copy(kOpenClipTowers, folder.path());
  const std::string file = folder / "HPS_v2.1.safetensors";
  const auto read = [&file] { return LoadClipTowers(file, {}).status(); };
  DamagePlan config{.truncations = 20, .flips = 60, .may_be_absent = true, .named = folder.path()};
  EXPECT_GT(ExpectSurvivesDamage(folder / "open_clip_config.json", config, read).errors, 60u);
  DamagePlan weights{.truncations = 20, .flips = 60, .named = folder.path()};
  weights.text = SafetensorsHeaderBytes(file);
  EXPECT_GT(ExpectSurvivesDamage(file, weights, read).errors, 60u);
}

}  // namespace
}  // namespace draftp::testing
