// Tests of the annealing run's settings: rules, the docs.
#include "draftp/anneal/anneal_config.h"

#include <cmath>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/config/config_help.h"
#include "draftp/config/config_json.h"
#include "draftp/config/config_load.h"
#include "draftp/config/config_schema.h"
#include "draftp/testing/corruption.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Strings = std::vector<std::string>;

constexpr char kTraining[] = "testdata/config/original_training.yaml";
constexpr char kRegenerate[] =
    "docs/configuration.md differs from the table; regenerate it with\n"
    "  bazel run //draftp/anneal:anneal_config_docs -- docs/configuration.md";

std::string ReadAll(const std::string& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

// The training file lies relative to the test's folder; a copy of it can be named from anywhere.
std::string TrainingFile() {
  const std::string path = ::testing::TempDir() + "/original_training.yaml";
  std::ofstream(path) << ReadAll(kTraining);
  return path;
}

absl::StatusOr<LoadedConfig<AnnealConfig>> Load(const Strings& arguments) {
  return LoadAnnealConfig(arguments, "/home/me");
}

std::string ErrorOf(const Strings& arguments) {
  const auto loaded = Load(arguments);
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kInvalidArgument);
  const std::string message(loaded.status().message());
  EXPECT_EQ(message.find('\n'), std::string::npos);
  return message;
}

AnnealConfig Config(const std::function<void(AnnealConfig&)>& change) {
  AnnealConfig config;
  change(config);
  return config;
}

TEST(AnnealConfigTest, NoArgumentIsValidAndDefault) {
  const auto loaded = Load({});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config, AnnealConfig{});
  EXPECT_TRUE(ValidateAnnealConfig(AnnealConfig{}).ok());
}

TEST(AnnealConfigTest, TakesEveryFlagOfTheUsage) {
  const auto loaded = Load({"--model",
                            "m",
                            "--lora",
                            "l",
                            "--lora_scale",
                            "0.5",
                            "--weight_type",
                            "base, step_0.6",
                            "--prompt",
                            "a\nb",
                            "--negative_prompt",
                            "n",
                            "--images_per_prompt=2",
                            "--batch_size=3",
                            "--steps=10",
                            "--guidance_scale=4",
                            "--sampler=dpmpp_2m",
                            "--discretization=edm",
                            "--noise=original",
                            "--seed=18446744073709551615",
                            "--height=128",
                            "--width=64",
                            "--output_dir=o",
                            "--device=cuda:1",
                            "--dtype=bfloat16",
                            "--nproc=4",
                            "--share=model_pair",
                            "--timeout=60",
                            "--skip_existing"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const AnnealConfig& config = loaded->config;
  EXPECT_EQ(config.model, "/home/me/m");
  EXPECT_THAT(config.lora, ElementsAre("/home/me/l"));
  EXPECT_EQ(config.lora_scale, 0.5);
  EXPECT_THAT(config.weight_type, ElementsAre("base", "step_0.6"));
  EXPECT_THAT(config.prompt, ElementsAre("a\nb"));
  EXPECT_EQ(config.seed, UINT64_MAX);
  EXPECT_EQ(config.sampling.sampler, "dpmpp_2m");
  EXPECT_EQ(config.device, "cuda:1");
  EXPECT_EQ(config.nproc, 4);
  EXPECT_EQ(config.share, kShareModelPair);
  EXPECT_EQ(config.timeout, 60);
  EXPECT_TRUE(config.skip_existing);
}

TEST(AnnealConfigTest, TakesAnEmptyPromptAndSeveralFiles) {
  EXPECT_THAT(Load({"--prompt", ""})->config.prompt, ElementsAre(""));
  EXPECT_THAT(Load({"--prompt", "a", "--prompt", ""})->config.prompt, ElementsAre("a", ""));
  EXPECT_THAT(Load({"--prompts=a.txt,b.csv", "--prompts=/c"})->config.prompts,
              ElementsAre("/home/me/a.txt", "/home/me/b.csv", "/c"));
}

TEST(AnnealConfigTest, NamesTheNearestKey) {
  EXPECT_THAT(ErrorOf({"model.sampling.base.stesp=3"}), HasSubstr("is model.sampling.base.steps"));
  EXPECT_THAT(ErrorOf({"trainer.precison=32"}), HasSubstr("is trainer.precision"));
  EXPECT_THAT(ErrorOf({"--weight-types=base"}), HasSubstr("nearest valid flag is --weight_type"));
  EXPECT_THAT(ErrorOf({"--guidance=3"}), HasSubstr("is --guidance_scale"));
}

TEST(AnnealConfigTest, RejectsWrongValuesByFlag) {
  for (const char* bad : {"--steps=0",
                          "--steps=-3",
                          "--steps=1001",
                          "--steps=2.5",
                          "--steps=0x10",
                          "--steps=",
                          "--guidance_scale=nan",
                          "--guidance_scale=inf",
                          "--guidance_scale=1e300",
                          "--guidance_scale=-inf",
                          "--seed=-1",
                          "--seed=18446744073709551616",
                          "--seed=1e3",
                          "--batch_size=0",
                          "--batch_size=99999999999999999999",
                          "--images_per_prompt=0",
                          "--height=7",
                          "--height=-8",
                          "--height=8200",
                          "--width=129",
                          "--width=4294967296",
                          "--sampler=Euler",
                          "--sampler=ddim",
                          "--discretization=karras",
                          "--noise=none",
                          "--device=gpu",
                          "--device=cuda:",
                          "--device=cuda:-1",
                          "--device=cuda:01",
                          "--device=cuda:128",
                          "--device=cuda:0\n",
                          "--dtype=float16",
                          "--lora_scale=nan",
                          "--model=a\nb",
                          "--output_dir=\x01",
                          "--lora=\xFF",
                          "--prompt=\xFF",
                          "--max_prompts=-1",
                          "--skip_existing=maybe",
                          "--order=0",
                          "--order=9",
                          "--eta=-1",
                          "--rho=0",
                          "--rho=0.5",
                          "--rho=101",
                          "--s_churn=-1",
                          "--nproc=0",
                          "--nproc=1025",
                          "--share=models",
                          "--timeout=0",
                          "--timeout=nan"}) {
    const std::string flag = std::string(bad).substr(0, std::string(bad).find('='));
    EXPECT_THAT(ErrorOf({bad}), HasSubstr(flag + ": found ")) << bad;
  }
  for (const char* flag : {"--model", "--lora", "--prompts", "--output_dir", "--weight_type",
                           "--device", "--sampler", "--steps"}) {
    EXPECT_THAT(ErrorOf({flag, ""}), HasSubstr("found an empty text")) << flag;
  }
}

TEST(AnnealConfigTest, RejectsWrongWeightTypesBeforeAnythingLoads) {
  for (const char* bad : {"power_", "step_x", "step_-1", "step_2", "cubic", "nan", "base,base",
                          "base,,draft", ",", "power_2,power_2.0", "power_-1", "power_inf"}) {
    EXPECT_THAT(ErrorOf({"--weight_type", bad}), HasSubstr("--weight_type: ")) << bad;
  }
}

TEST(AnnealConfigTest, RejectsExclusiveFlags) {
  EXPECT_EQ(ErrorOf({"--lora=l", "--tuned=t"}),
            "--tuned: found it beside --lora, expected one of the two");
  EXPECT_THAT(ErrorOf({"--tuned=t", "--lora_scale=0.5"}), HasSubstr("--lora_scale: found it"));
}

TEST(AnnealConfigTest, ChecksStructsThatNoCommandLineMade) {
  const std::vector<std::function<void(AnnealConfig&)>> changes = {
      [](AnnealConfig& c) { c.sampling.guidance_scale = std::nan(""); },
      [](AnnealConfig& c) { c.lora_scale = std::numeric_limits<double>::infinity(); },
      [](AnnealConfig& c) { c.sampling.steps = 0; },
      [](AnnealConfig& c) { c.sampling.sampler = ""; },
      [](AnnealConfig& c) { c.sampling.sampler = "EulerEDMSampler"; },
      [](AnnealConfig& c) { c.device = ""; },
      [](AnnealConfig& c) { c.weight_type = {}; },
      [](AnnealConfig& c) { c.weight_type = {"base", "x"}; },
      [](AnnealConfig& c) { c.prompt = {std::string("a\0b", 3)}; }};
  for (const auto& change : changes) EXPECT_FALSE(ValidateAnnealConfig(Config(change)).ok());
}

TEST(AnnealConfigTest, EachPromptTypedIsOneWithItsCommas) {
  const auto loaded = Load({"--prompt=a circle, red", "--prompt", "a star"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->config.prompt, ElementsAre("a circle, red", "a star"));
}

// The flags of a command line that a run has no use for.
std::vector<std::string> Idle(const std::vector<std::string>& arguments) {
  const auto loaded = Load(arguments);
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  std::vector<std::string> flags;
  for (const std::string& notice : loaded->notices) {
    const size_t end = notice.find(" has no effect in this run: ");
    if (end != std::string::npos) flags.push_back(notice.substr(0, end));
  }
  return flags;
}

TEST(AnnealConfigTest, AdaptersWithWeightsOfTheirOwnTakeThePlaceOfTheWeightTypes) {
  const auto loaded = Load({"--lora=a,b:linear", "--lora", "c:0.7", "--blend=weights"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->config.lora, ElementsAre("/home/me/a,b:linear", "/home/me/c:0.7"));
  EXPECT_THAT(loaded->config.weight_type, ElementsAre());
  EXPECT_TRUE(ValidateAnnealConfig(loaded->config).ok());
  EXPECT_EQ(ErrorOf({"--lora=a:1", "--lora=b", "--weight_type=draft"}),
            "--weight_type: found it beside --lora with weights of their own, expected one of the "
            "two");
  EXPECT_EQ(Load({"--lora=a", "--weight_type=draft"})->config.weight_type.size(), 1u);
  EXPECT_THAT(Idle({"--lora=a", "--blend=weights"}), ElementsAre("--blend"));
  EXPECT_THAT(Idle({"--lora=a:1", "--blend=weights", "--lora_scale=2"}), ElementsAre());
}

TEST(AnnealConfigTest, AWeightTypeIsOfAsManyAdaptersAsThereAre) {
  const auto types = Load({"--lora=a", "--lora=b",
                           "--weight_type=base,mix(1,linear),weights(1,0.5),draw(0.2,0.3),"
                           "contrast(1)"});
  ASSERT_TRUE(types.ok()) << types.status();
  EXPECT_EQ(types->config.weight_type.size(), 5u);
  EXPECT_EQ(ErrorOf({"--lora=a", "--lora=b", "--weight_type=draft"}),
            "--weight_type: found \"draft\" with 2 adapters, expected 1 adapter, or a form for "
            "several: mix, weights, draw, contrast");
  EXPECT_EQ(ErrorOf({"--lora=a", "--weight_type=base,contrast(1)"}),
            "--weight_type: found \"contrast(1)\" with 1 adapter, expected 2 adapters");
  EXPECT_EQ(ErrorOf({"--lora=a", "--lora=b", "--weight_type=weights(1,1,1)"}),
            "--weight_type: found \"weights(1,1,1)\" with 2 adapters, expected 3 adapters");
}

TEST(AnnealConfigTest, AWholeUNetHasNoScale) {
  EXPECT_TRUE(Load({"--tuned=t", "--weight_type=linear,guided(1,1),projected(1),bands(1,0)"}).ok());
  EXPECT_EQ(ErrorOf({"--tuned=t", "--weight_type=weights(0.4)"}),
            "--weight_type: found \"weights(0.4)\" beside --tuned, expected it with --lora, for "
            "only an adapter's change of the weights has a scale");
  EXPECT_EQ(ErrorOf({"--tuned=t", "--weight_type=contrast(1)"}),
            "--weight_type: found \"contrast(1)\" beside --tuned, expected 2 adapters (--lora, "
            "typed 2 times)");
}

TEST(AnnealConfigTest, FlagsWithoutEffectAreNamedOnce) {
  EXPECT_THAT(Idle({"--sampler=dpmpp_2m", "--s_churn=5", "--order=7", "--eta=0.5", "--sigma_min=1",
                    "--sigma_max=2", "--rho=2", "--s_tmin=1", "--s_tmax=2", "--s_noise=2"}),
              ElementsAre("--sigma_min", "--sigma_max", "--rho", "--s_churn", "--s_tmin",
                          "--s_tmax", "--s_noise", "--eta", "--order"));
  EXPECT_THAT(Idle({"--sampler=heun", "--s_churn=5", "--s_tmin=1", "--s_tmax=2", "--s_noise=2",
                    "--discretization=edm", "--sigma_min=1", "--sigma_max=2", "rho=2"}),
              ElementsAre());
  EXPECT_THAT(Idle({"--sampler=lms", "--order=2"}), ElementsAre());
  EXPECT_THAT(Idle({"--sampler=dpmpp_2s", "--eta=0.5", "--s_noise=0.9"}), ElementsAre());
  EXPECT_THAT(Idle({"--s_tmin=1", "order=3"}), ElementsAre("--s_tmin", "--order"));
  EXPECT_THAT(Idle({"--prompt=a", "--prompts=b", "--max_prompts=2"}),
              ElementsAre("--prompts", "--max_prompts"));
  for (const char* none : {"--guidance_scale=1", "--guidance_scale=0"})
    EXPECT_THAT(Idle({none, "--negative_prompt=a"}), ElementsAre("--negative_prompt"));
  EXPECT_THAT(Idle({"--guidance_scale=1", "--negative_prompt=a", "--weight_type=guided(1,3)"}),
              ElementsAre());
  EXPECT_THAT(Idle({"--weight_type=base", "--lora=l", "--lora_scale=2"}),
              ElementsAre("--lora", "--lora_scale"));
  EXPECT_THAT(Idle({"--lora=l", "--explicit_log_dir=r"}), ElementsAre("--explicit_log_dir"));
  EXPECT_THAT(Idle({"--lora_scale=2"}), ElementsAre());
  EXPECT_THAT(Idle({"--model=m", "--lora_scale=2"}), ElementsAre("--lora_scale"));
  EXPECT_THAT(Idle({"--config", TrainingFile()}), ElementsAre());
}

TEST(AnnealConfigTest, ATrainingsRecordIsToldByItsProgram) {
  const std::string path = ::testing::TempDir() + "/run.json";
  std::ofstream(path) << R"({"config": {"model": "m", "reward": ["r"], "max_steps": 3}})";
  EXPECT_EQ(ErrorOf({"--config=" + path}),
            path +
                ": found the settings of train (max_steps), expected those of anneal; "
                "--explicit_log_dir DIR draws with what that run has made");
}

TEST(AnnealConfigTest, OtherProgramsNamesAreAnswered) {
  for (const auto& [theirs, ours] : std::vector<std::pair<std::string, std::string>>{
           {"--num_inference_steps=3", "--steps"},
           {"--cfg=3", "--guidance_scale"},
           {"--cfg_scale=3", "--guidance_scale"},
           {"-o", "--output_dir"},
           {"--outdir=x", "--output_dir"},
           {"--negative=x", "--negative_prompt"},
           {"--lora_weights=x", "--lora"},
           {"--pretrained_model_name_or_path=x", "--model"}}) {
    EXPECT_THAT(ErrorOf({theirs}), HasSubstr("did you mean " + ours + "?"));
  }
}

TEST(AnnealConfigTest, ARunsConfigRepeatsItExactly) {
  const AnnealConfig config = Config([](AnnealConfig& c) {
    c.model = "/m é";
    c.prompt = {"a \"b\", c\n🎨", "d"};
    c.weight_type = {"base", "clamp(linear,0.2,0.8)"};
    c.seed = UINT64_MAX;
    c.sampling.guidance_scale = 0.1;
    c.sampling.sigma_max = std::nextafter(14.6146, 15);
    c.sampling.height = 64;
    c.skip_existing = true;
    c.output_dir = "/o";
  });
  nlohmann::ordered_json run;
  run["config"] = ConfigValuesToJson(AnnealTable().Print(config));
  const std::string path = ::testing::TempDir() + "/run.json";
  std::ofstream(path) << run.dump(2);
  const auto loaded = Load({"--config", path});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config, config);
}

TEST(AnnealConfigTest, HelpFitsAndNamesEveryFlag) {
  for (const int columns : {40, 80, 100}) {
    const std::string help = ConfigHelp(AnnealTable().schema(), {.columns = columns});
    for (const ConfigField& field : AnnealTable().schema().fields) {
      EXPECT_THAT(help, HasSubstr((field.is_switch ? "  --[no]" : "  --") + field.key));
      EXPECT_FALSE(field.help.empty());
    }
    std::istringstream lines(help);
    std::string line;
    while (std::getline(lines, line)) EXPECT_LE(line.size(), static_cast<size_t>(columns)) << line;
  }
  EXPECT_TRUE(Load({"--help", "--steps=x"})->help);
}

TEST(AnnealConfigTest, TheDocsHaveTheTable) {
  const std::string document = ReadAll("docs/configuration.md");
  const auto expected =
      ReplaceMarkedTable(document, "anneal", ConfigMarkdown(AnnealTable().schema()));
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_TRUE(document == *expected) << kRegenerate;
}

TEST(AnnealConfigTest, SurvivesDamagedSettings) {
  const auto load = [](const std::string& path) { return Load({"--config=" + path}).status(); };
  testing::ExpectCopySurvivesDamage(kTraining, {.may_be_empty = true}, load);
  const auto loaded = Load({"--config=" + TrainingFile(), "--weight_type=linear,step_0.6"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const std::string run = ::testing::TempDir() + "/run.json";  // as a run writes it
  std::ofstream(run) << nlohmann::ordered_json{
      {"config", ConfigValuesToJson(AnnealTable().Print(loaded->config))}};
  testing::ExpectCopySurvivesDamage(run, {}, load);
}

}  // namespace
}  // namespace draftp
