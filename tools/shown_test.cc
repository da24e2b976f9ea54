// The real programs: what they say of an argument that can't be a model, and what a run shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "draftp/io/test_files.h"
#include "tools/program.h"
#include "tools/small_run.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

using testing::Contents;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Program;
using testing::Replacing;
using testing::SmallTraining;
using testing::TemporaryFolder;
using testing::Words;

const char* const kTiny = "testdata/tiny_sdxl";
const char* const kPointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5135149760\n";

// A safetensors file of one tensor of one number.
std::string Safetensors(const std::string& tensor) {
  const std::string json =
      "{\"" + tensor + "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
  const uint64_t length = json.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + json + std::string(4, '\0');
}

class ModelArgumentTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& contents) {
    fs::create_directories(fs::path(folder_ / path).parent_path());
    folder_.Write(path, contents);
  }
  std::string Path(const std::string& name) const {
    return fs::path(folder_ / name).lexically_normal().string();
  }
  // Both programs end with `code` and one line that has `message`, and leave nothing.
  void ExpectMistake(const std::string& model, int code, const std::string& message) {
    const std::string out = folder_ / "out";
    for (const Words& command :
         {Words{"tools/anneal", "--model=" + model, "--weight_type=base", "--prompt=a star",
                "--output_dir=" + out},
          Words{"tools/train", "--model=" + model,
                "--reward=" + std::string(kTiny) + "/reward_model",
                "--prompts=" + std::string(kTiny) + "/prompts/train.txt", "--output_dir=" + out}}) {
      Program program(folder_, command);
      EXPECT_EQ(program.Wait(), code) << command[0];
      const std::string error = program.error();
      EXPECT_THAT(error, HasSubstr(message)) << command[0];
      EXPECT_THAT(error, ::testing::StartsWith(command[0].substr(6) + ": ")) << command[0];
      EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 1) << error;
      EXPECT_FALSE(fs::exists(out)) << command[0];
    }
  }

  TemporaryFolder folder_;
};

TEST_F(ModelArgumentTest, AHubNameHasItsDownload) {
  ExpectMistake("stabilityai/stable-diffusion-xl-base-1.0", 2,
                "--model: found stabilityai/stable-diffusion-xl-base-1.0, which isn't here, "
                "expected a path; from the Hugging Face Hub: hf download "
                "stabilityai/stable-diffusion-xl-base-1.0 --local-dir "
                "stable-diffusion-xl-base-1.0, then --model stable-diffusion-xl-base-1.0");
}

TEST_F(ModelArgumentTest, APathThatIsGoneIsNoHubName) {
  for (const std::string& path :
       {Path("gone"), Path("gone/too"), std::string("./gone"), std::string("testdata/gone")}) {
    Program program(folder_, {"tools/anneal", "--model=" + path, "--weight_type=base", "--prompt=a",
                              "--output_dir=" + Path("out")});
    EXPECT_EQ(program.Wait(), 1);
    EXPECT_THAT(program.error(), HasSubstr(": can't read: No such file"));
  }
}

TEST_F(ModelArgumentTest, AHubCacheFolderHasItsSnapshot) {
  const std::string cache = "hub/models--stabilityai--sdxl";
  Write(cache + "/snapshots/0123abc/model_index.json", "{}");
  Write(cache + "/snapshots/4567def/model_index.json", "{}");
  Write(cache + "/blobs/x", "");
  const auto expected = [&](const std::string& snapshot) {
    return "expected the folder in it that has model_index.json: " + Path(cache) + "/snapshots/" +
           snapshot;
  };
  ExpectMistake(Path(cache), 2, expected("0123abc"));
  Write(cache + "/refs/main", "4567def");
  ExpectMistake(Path(cache), 2, expected("4567def"));
  ExpectMistake(Path(cache + "/snapshots"), 2, expected("0123abc"));
}

TEST_F(ModelArgumentTest, AFolderOfASingleFileNamesTheFile) {
  Write("downloads/sdxl.safetensors", Safetensors("model.diffusion_model.out.0.bias"));
  ExpectMistake(Path("downloads"), 2,
                ", a folder, expected the file in it: " + Path("downloads/sdxl.safetensors"));
}

TEST_F(ModelArgumentTest, AFileOfAnotherModelSaysWhatItIs) {
  Write("sd15.safetensors", Safetensors("cond_stage_model.transformer.text_model.x"));
  ExpectMistake(Path("sd15.safetensors"), 2,
                ", Stable Diffusion 1.x; expected an SDXL: a single .safetensors file, or a folder "
                "with model_index.json");
  Write("other.safetensors", Safetensors("x"));
  ExpectMistake(Path("other.safetensors"), 1,
                "other.safetensors: found tensors x, expected an SDXL in one file");
}

TEST_F(ModelArgumentTest, ALoraIsNamed) {
  Write("lora.safetensors", Safetensors("unet.mid_block.x.lora_A.weight"));
  ExpectMistake(Path("lora.safetensors"), 2, ", a LoRA; --lora takes it; expected an SDXL");
  Write("lora/pytorch_lora_weights.safetensors", Safetensors("unet.mid_block.x.lora_A.weight"));
  ExpectMistake(Path("lora"), 2, "/lora, the folder of a LoRA, expected an SDXL");
  Write("peft/adapter_config.json", "{}");
  ExpectMistake(Path("peft"), 2, "the folder of a LoRA");
}

TEST_F(ModelArgumentTest, OtherFoldersSayWhatTheyHold) {
  Write("part/unet/config.json", "{}");
  ExpectMistake(Path("part"), 2, "/part, a part of a model without model_index.json");
  Write("other/notes.txt", "");
  ExpectMistake(
      Path("other"), 1,
      "/other/model_index.json: can't read: No such file or directory, expected an SDXL: "
      "a single .safetensors file, or a folder with model_index.json; it holds notes.txt");
}

TEST_F(ModelArgumentTest, AGitLfsPointerIsNamed) {
  fs::copy(kTiny, Path("clone"), fs::copy_options::recursive);
  const std::string weights = Path("clone/unet/diffusion_pytorch_model.safetensors");
  fs::remove(weights);
  std::ofstream(weights) << kPointer;
  ExpectMistake(Path("clone"), 1,
                weights + ": found a Git LFS pointer, expected the file itself: git lfs pull");
}

TEST_F(ModelArgumentTest, RewardsAndAdaptersTooMayBeHubNames) {
  Program reward(folder_, {"tools/train", "--reward=yuvalkirstain/PickScore_v1:0.5",
                           "--output_dir=" + Path("out")});
  EXPECT_EQ(reward.Wait(), 2);
  EXPECT_THAT(reward.error(), HasSubstr("--reward: found yuvalkirstain/PickScore_v1, which isn't"));
  Program lora(folder_, {"tools/anneal", "--lora=someone/lora", "--output_dir=" + Path("out")});
  EXPECT_EQ(lora.Wait(), 2);
  EXPECT_THAT(lora.error(), HasSubstr("--lora: found someone/lora, which isn't here"));
}

TEST_F(ModelArgumentTest, AFolderOfPromptsSaysWhatItHolds) {
  Write("captions/a.png", "");
  Write("captions/b.png", "");
  Program train(folder_,
                {"tools/train", "--prompts=" + Path("captions"), "--output_dir=" + Path("out")});
  EXPECT_EQ(train.Wait(), 1);
  EXPECT_THAT(train.error(), HasSubstr("/captions: found a folder without captions, expected "));
  EXPECT_THAT(train.error(), HasSubstr("; it holds a.png and b.png"));
  Program anneal(folder_,
                 {"tools/anneal", "--prompts=" + Path("captions"), "--output_dir=" + Path("out")});
  EXPECT_EQ(anneal.Wait(), 1);
  EXPECT_THAT(anneal.error(), HasSubstr("/captions: found a folder without captions, expected "));
}

Words Training(const TemporaryFolder& folder, const Words& more) {
  return Replacing({"tools/train"},
                   SmallTraining(folder / "run", Replacing({"--save_interval=1"}, more)));
}

TEST(ShownTest, ADamagedLogResumesAndADamagedValidationEndsNoTraining) {
  const TemporaryFolder folder;
  Program first(folder, Training(folder, {"--max_steps=1", "--val_check_interval=0"}));
  ASSERT_EQ(first.Wait(), 0) << first.error();
  std::ofstream(folder / "run/log.jsonl", std::ios::app) << "lr raised here\n";
  std::ofstream(folder / "run/validation.jsonl") << "{\"step\": 0}\n{\"step\": 0, \"tuned\": 3}\n";
  Program second(folder, Training(folder, {"--max_steps=2", "--val_check_interval=0"}));
  EXPECT_EQ(second.Wait(), 0) << second.error();
  EXPECT_THAT(second.error(), HasSubstr("/log.jsonl: line 2: isn't valid JSON"));
  EXPECT_EQ(Contents(folder / "run/log.jsonl.damaged"), "lr raised here\n");
  const std::string log = Contents(folder / "run/log.jsonl");
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2);
}

TEST(ShownTest, AValidationSaysTheHeldOutRewardAndNoNan) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "colour");
  folder.Write("colour/draftp_reward.json", "{\"kind\":\"target_colour\",\"colour\":[255,0,0]}");
  Program program(folder, Training(folder, {"--max_steps=1", "--val_check_interval=1",
                                            "--images_per_prompt=1", "--validation_images=1",
                                            "--validation_reward=" + (folder / "colour")}));
  ASSERT_EQ(program.Wait(), 0) << program.error();
  EXPECT_THAT(program.error(), HasSubstr("validation at step 1: reward "));
  EXPECT_THAT(program.error(), HasSubstr(", held-out TargetColour -"));
  EXPECT_THAT(program.error(), HasSubstr("; the best"));
  EXPECT_THAT(program.error(), Not(HasSubstr("nan")));
  EXPECT_THAT(program.error(), Not(HasSubstr("diversity")));
  const std::string report = Contents(folder / "run/report.html");
  EXPECT_THAT(report, HasSubstr("<dt>Held-out reward</dt>"));
  EXPECT_THAT(report, HasSubstr("<dt>Best step</dt>"));
  EXPECT_THAT(report, HasSubstr("<title>run: tiny_sdxl</title>"));
  EXPECT_THAT(report, HasSubstr("Finished: 1 step."));
  EXPECT_THAT(report, Not(HasSubstr("nan<")));
}

}  // namespace
}  // namespace draftp
