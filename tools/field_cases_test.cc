// Files as people have them, rebuilt from public reports by testdata/generate/field_cases.py, given
// to the programs. docs/checkpoints.md says which test holds which case.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/png.h"
#include "draftp/io/test_files.h"
#include "draftp/testing/hash_tensor.h"
#include "tools/shell_run.h"

namespace draftp::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Words = std::vector<std::string>;
using nlohmann::json;

constexpr char kTinyModel[] = "testdata/tiny_sdxl";
constexpr char kCases[] = "testdata/field_cases/";

json JsonAt(const std::string& path) { return json::parse(Contents(path)); }

void WriteJson(const std::string& path, const json& value) {
  fs::remove(path);
  std::ofstream(path) << value.dump();
}

void ChangeTensors(const std::string& path,
                   const std::function<void(std::map<std::string, at::Tensor>&)>& change) {
  const auto file = SafetensorsFile::Open(path).value();
  std::map<std::string, at::Tensor> tensors;
  for (const std::string& name : file->names()) tensors[name] = *file->Tensor(name);
  change(tensors);
  fs::remove(path);
  ASSERT_TRUE(WriteSafetensors(path, tensors, file->metadata()).ok());
}

// The embedded model with a case's files over its own.
class CaseModel {
 public:
  explicit CaseModel(const std::string& name) {
    fs::copy(fs::canonical(kTinyModel), path(), fs::copy_options::recursive);
    if (!fs::exists(kCases + name)) return;
    fs::copy(fs::canonical(kCases + name), path(),
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  }
  std::string path() const { return folder_ / "model"; }
  std::string operator/(const std::string& name) const { return path() + "/" + name; }

 private:
  TemporaryFolder folder_;
};

// A vocabulary in tokenizer.json alone, as transformers 5 saves it.
void MoveVocabulary(const CaseModel& model) {
  for (const std::string name : {"tokenizer", "tokenizer_2"}) {
    const std::string folder = model / name + "/";
    json tokenizer = JsonAt(folder + "tokenizer.json");
    tokenizer["model"]["vocab"] = JsonAt(folder + "vocab.json");
    std::ifstream merges(folder + "merges.txt");
    for (std::string line; std::getline(merges, line);) {
      const size_t space = line.find(' ');
      if (line.starts_with("#version") || space == std::string::npos) continue;
      tokenizer["model"]["merges"].push_back({line.substr(0, space), line.substr(space + 1)});
    }
    WriteJson(folder + "tokenizer.json", tokenizer);
    for (const char* file : {"vocab.json", "merges.txt", "special_tokens_map.json"})
      fs::remove(folder + file);
  }
}

// The middle of one resnet: what its config has no place for goes.
void DropTheMiddlesAttention(const CaseModel& model) {
  ChangeTensors(model / "unet/diffusion_pytorch_model.safetensors", [](auto& tensors) {
    std::erase_if(tensors, [](const auto& item) {
      return item.first.starts_with("mid_block.attentions.") ||
             item.first.starts_with("mid_block.resnets.1.");
    });
  });
}

// Two rows for <s0> and <s1>.
void AddTokensRows(const CaseModel& model) {
  for (const std::string name : {"text_encoder", "text_encoder_2"}) {
    json config = JsonAt(model / name + "/config.json");
    config["vocab_size"] = 740;
    WriteJson(model / name + "/config.json", config);
    ChangeTensors(model / name + "/model.safetensors", [](auto& tensors) {
      for (auto& [key, tensor] : tensors) {
        if (!key.ends_with("token_embedding.weight")) continue;
        const at::Tensor rows = 0.02 * HashTensor("token_embedding", {2, tensor.size(1)});
        tensor = at::cat({tensor, rows.to(at::kHalf).to(tensor.scalar_type())});
      }
    });
  }
}

// The one picture below `folder`.
RgbImage OnlyPicture(const std::string& folder) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().filename() == "img_00000_00.png") found.push_back(entry.path());
  }
  EXPECT_EQ(found.size(), 1u);
  return found.empty() ? RgbImage() : ReadPng(found[0]).value().image;
}

// The means of every 16 x 16 pixels against diffusers' picture, of which ours truncates pixels.
void ExpectPicture(const RgbImage& image, const std::string& name) {
  const auto expected = JsonAt(std::string(kCases) + "expected.json")["pictures"].at(name);
  ASSERT_EQ(image.width, 128);
  ASSERT_EQ(image.height, 128);
  ASSERT_EQ(expected.size(), 192u);
  double worst = 0;
  for (int cell = 0; cell < 192; ++cell) {
    const int top = cell / 24 * 16, left = cell / 3 % 8 * 16, colour = cell % 3;
    double sum = 0;
    for (int y = top; y < top + 16; ++y) {
      for (int x = left; x < left + 16; ++x)
        sum += image.pixels[size_t(3 * (128 * y + x) + colour)];
    }
    worst = std::max(worst, std::abs(sum / 256 + 0.5 - expected[size_t(cell)].get<double>()));
  }
  EXPECT_LT(worst, 1.0) << name;
}

Ended Anneal(const TemporaryFolder& folder, Words flags) {
  flags.insert(flags.begin(),
               {"--device=cpu", "--discretization=trailing", "--output_dir=" + (folder / "out")});
  return RunAsUser("tools/anneal", flags);
}

struct PictureCase {
  const char* name;
  const char* expected;  // of expected.json
  std::function<void(const CaseModel&)> prepare = [](const CaseModel&) {};
  Words flags = {"--prompt=a red circle on a blue background", "--steps=4"};
};

void PrintTo(const PictureCase& one, std::ostream* out) { *out << one.name; }

class FieldPictureTest : public ::testing::TestWithParam<PictureCase> {};

TEST_P(FieldPictureTest, IsDiffusers) {
  const TemporaryFolder folder;
  const CaseModel model(GetParam().name);
  GetParam().prepare(model);
  Words flags = GetParam().flags;
  flags.insert(flags.end(), {"--model=" + model.path(), "--weight_type=base"});
  const Ended ended = Anneal(folder, flags);
  ASSERT_EQ(ended.code, 0) << ended.error;
  ExpectPicture(OnlyPicture(folder / "out"), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, FieldPictureTest,
    ::testing::Values(PictureCase{"a01_sched_dpmpp_multistep", "base"},
                      PictureCase{"a02_sched_unipc", "base"}, PictureCase{"a03_sched_lcm", "base"},
                      PictureCase{"a14_sched_dpmpp_old_karras", "base"},
                      PictureCase{"a16_zero_terminal_snr", "a16_zero_terminal_snr"},
                      PictureCase{"a17_index_img2img", "base"},
                      PictureCase{"a18_tokenizer_json_only", "base", MoveVocabulary},
                      PictureCase{"a23_unet_depth_zero_unused", "base"},
                      PictureCase{"a24_unet_dropout_nonzero", "base"},
                      PictureCase{"b13_unet_mid_without_attention",
                                  "b13_unet_mid_without_attention", DropTheMiddlesAttention},
                      PictureCase{.name = "d06_empty_prompt",
                                  .expected = "d06_empty_prompt",
                                  .flags = {"--prompt", "", "--steps=4"}},
                      PictureCase{.name = "d11_guidance_0_turbo",
                                  .expected = "d11_guidance_0_turbo",
                                  .flags = {"--prompt=a red circle on a blue background",
                                            "--steps=2", "--guidance_scale=0"}},
                      PictureCase{"f04_textual_inversion_tokens",
                                  "f04_textual_inversion_tokens",
                                  AddTokensRows,
                                  {"--prompt=a red circle in <s0><s1> style", "--steps=4"}}),
    [](const auto& info) { return std::string(info.param.name); });

class FieldCaptionsTest : public ::testing::TestWithParam<const char*> {};

// Each has two.
TEST_P(FieldCaptionsTest, AreFoundByTrain) {
  const TemporaryFolder folder;
  const Ended ended = RunAsUser(
      "tools/train", {"--device=cpu", std::string("--prompts=") + kCases + GetParam(), "--steps=2",
                      "--max_steps=1", "--dry_run", "--output_dir=" + (folder / "run")});
  ASSERT_EQ(ended.code, 0) << ended.error;
  EXPECT_THAT(ended.out + ended.error, HasSubstr("of 2 captions"));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, FieldCaptionsTest,
    ::testing::Values("g07_shard_with_json_only/s.tar", "g08_empty_caption_in_shard/s.tar",
                      "g13_folder_itself/img", "g14_metadata_jsonl_text/metadata.jsonl",
                      "g21_csv_single_capital_header/p.csv", "g24_txt_gz/p.txt.gz"));

// d22: what stands in the JSON is the prompt, not the JSON's text.
TEST(FieldCases, JsonLinesArePromptsOfAnneal) {
  const TemporaryFolder folder;
  const std::string file = std::string(kCases) + "d22_jsonl_prompts_to_anneal/prompts.jsonl";
  const Ended ended = Anneal(folder, {"--prompts=" + file, "--weight_type=base", "--steps=1"});
  ASSERT_EQ(ended.code, 0) << ended.error;
  std::string prompt;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "out")) {
    if (entry.path().filename() == "prompt_00000_00.txt") prompt = Contents(entry.path());
  }
  EXPECT_EQ(prompt, "a red circle on a blue background");
}

// h02: W&B is turned off, and all else has a meaning or none here.
TEST(FieldCases, TheOriginalsYamlRuns) {
  const TemporaryFolder folder;
  const std::string file = std::string(kCases) + "h02_original_yaml_wandb_off/draftp_sdxl.yaml";
  const std::string tiny = kTinyModel;
  const Ended ended =
      RunAsUser("tools/anneal", {"--config=" + file, "--device=cpu", "--model=" + tiny,
                                 "--lora=" + tiny + "/lora", "--weight_type=step_0.6",
                                 "--prompt=a red circle", "--output_dir=" + (folder / "out")});
  ASSERT_EQ(ended.code, 0) << ended.error;
  EXPECT_EQ(OnlyPicture(folder / "out").width, 128);
}

// j01: the reward's own config and one in transformers 4.27's full form are one reward.
TEST(FieldCases, ARewardsFullConfigIsTheSameReward) {
  const TemporaryFolder folder;
  const std::string tiny = kTinyModel, name = std::string(kCases) + "j01_pickscore_config_4_27";
  const std::string reward = folder / "reward";
  fs::copy(fs::canonical(name), reward);
  for (const auto& file : fs::directory_iterator(fs::canonical(tiny + "/tokenizer")))
    fs::copy(file.path(), reward);
  fs::copy(fs::canonical(tiny + "/reward_model/model.safetensors"), reward);
  const auto trained = [&](const std::string& with, const std::string& out) {
    const Ended ended = RunAsUser(
        "tools/train",
        {"--device=cpu", "--model=" + tiny, "--reward=" + with, "--prompts=" + name + "/c.txt",
         "--steps=2", "--global_batch_size=1", "--val_check_interval=0", "--lora_rank=2",
         "--max_steps=2", "--output_dir=" + (folder / out)});
    EXPECT_EQ(ended.code, 0) << ended.error;
    return Contents(folder / out + "/pytorch_lora_weights.safetensors");
  };
  const std::string own = trained(tiny + "/reward_model", "own");
  EXPECT_FALSE(own.empty());
  EXPECT_EQ(trained(reward, "full"), own);
}

// k01: a UNet's own file under the name of a whole checkpoint.
TEST(FieldCases, AUNetAloneSaysWhatItLacks) {
  const TemporaryFolder folder;
  const std::string file = folder / "sd_xl_base_1.0.safetensors";
  fs::copy(fs::canonical(std::string(kTinyModel) + "/unet/diffusion_pytorch_model.safetensors"),
           file);
  const Ended ended =
      Anneal(folder, {"--model=" + file, "--weight_type=base", "--prompt=x", "--steps=2"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(std::ranges::count(ended.error, '\n'), 1);
  EXPECT_THAT(ended.error, HasSubstr("found UNet alone, expected a"));
}

}  // namespace
}  // namespace draftp::testing
