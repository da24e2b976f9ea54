// Tests of the training run's settings: sources, rules, docs.
#include "draftp/train/train_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "draftp/config/config_help.h"
#include "draftp/config/config_json.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::Contains;
using testing::Contents;
using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using Words = std::vector<std::string>;

absl::StatusOr<LoadedConfig<TrainConfig>> Load(Words arguments) {
  const Words base = {"--model=sdxl", "--reward=pickscore:0.5,hps", "--prompts=a.txt,b/*.tar"};
  arguments.insert(arguments.begin(), base.begin(), base.end());
  return LoadTrainConfig(arguments, "/home", "");
}

TEST(TrainConfig, PathsOfListsStartAtTheUsersFolder) {
  const TrainConfig config = Load({"--resume=run/checkpoints/step_1"})->config;
  EXPECT_THAT(config.reward, ElementsAre("/home/pickscore:0.5", "/home/hps"));
  EXPECT_THAT(config.prompts, ElementsAre("/home/a.txt", "/home/b/*.tar"));
  EXPECT_EQ(config.resume, "/home/run/checkpoints/step_1");
  EXPECT_EQ(Load({})->config.resume, "auto");
}

TEST(TrainConfig, ReadsTheOriginalsSettings) {
  const auto loaded =
      LoadTrainConfig({"--config=testdata/config/original_training.yaml", "--prompts=p.txt"},
                      std::filesystem::current_path(), "");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const TrainConfig& config = loaded->config;
  EXPECT_EQ(config.sampling.steps, 40);
  EXPECT_EQ(config.truncation_steps, 1);
  EXPECT_EQ(config.kl_coeff.name(), "0.1");
  EXPECT_EQ(config.lr(0), 2.5e-4);
  EXPECT_EQ(config.global_batch_size, 32);
  EXPECT_EQ(config.lora_rank, 32);
  EXPECT_THAT(config.target_modules, ElementsAre("sdlora"));
  EXPECT_TRUE(config.ema);
  EXPECT_TRUE(config.activation_checkpointing);
  EXPECT_TRUE(config.Recomputes("reward"));
  EXPECT_EQ(config.save_interval, 200);
  EXPECT_EQ(config.nproc, 8);
  EXPECT_EQ(config.num_nodes, 1);
  EXPECT_EQ(config.sharding, "fully_sharded");
}

TEST(TrainConfig, NamesTheFlagOfEachMistake) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"--truncation_steps=26", "--truncation_steps: found 26, expected at most --steps 25"},
      {"--truncation_steps=0", "--truncation_steps: found \"0\""},
      {"--global_batch_size=5 --micro_batch_size=2", "a multiple of --micro_batch_size 2"},
      {"--ema_decay=0", "--ema_decay: found \"0\""},
      {"--rho=0.5", "--rho: found \"0.5\", expected a number from 1 to 100"},
      {"--lr=0", "--lr: found \"0\""},
      {"--lr=-1", "--lr: found \"-1\""},
      {"--betas=0.9", "--betas: found \"0.9\""},
      {"--betas=0.9,1", "--betas"},
      {"--kl_coeff=much", "--kl_coeff"},
      {"--sharding=perhaps",
       "--sharding: found \"perhaps\", expected replicated, sharded_optimizer, fully_sharded"},
      {"--shard_frozen",
       "--shard_frozen: found it beside --sharding replicated, expected --sharding fully_sharded"},
      {"--shard_frozen --sharding=fully_sharded --reward_device=cpu",
       "--shard_frozen: found it beside --reward_device cpu, expected one of the two"},
      {"--objective=ddpo", "--objective: found \"ddpo\""},
      {"--height=60", "--height: found 60, expected a multiple of 8"},
      {"--late_steps=30", "--late_steps: found 30"},
      {"--lora_rank=0 --lora=a", "--lora: found it beside full fine-tuning"},
      {"--recomputed_parts=vae", "--recomputed_parts: found \"vae\""},
      {"--trunc_steps=1", "--trunc_steps"},
      {"exp_manager.create_wandb_logger=true", "log.jsonl"}};
  for (const auto& [line, message] : mistakes) {
    Words words;
    std::istringstream stream(line);
    for (std::string word; stream >> word;) words.push_back(word);
    EXPECT_THAT(Load(words), FailsWith(message)) << line;
  }
  EXPECT_THAT(LoadTrainConfig({"--model=a"}, "/", ""), FailsWith("--reward: found none"));
}

TEST(TrainConfig, TakesWandbTurnedOff) {
  const auto loaded =
      Load({"exp_manager.create_wandb_logger=False", "exp_manager.wandb_logger_kwargs.project=p",
            "wandb_logger_kwargs.name=n"});
  EXPECT_TRUE(loaded.ok()) << loaded.status();
}

TEST(TrainConfig, TakesTheEmbeddedRecipeWithoutAModel) {
  const TemporaryFolder folder;
  folder.Write("train.yaml", "steps: 7\nlr: 0.002\n");
  const auto loaded = LoadTrainConfig({"--lr=0.001"}, "/", folder.path());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config.sampling.steps, 7);
  EXPECT_EQ(loaded->config.lr(0), 0.001);
  EXPECT_EQ(loaded->config.model, folder.path());
  EXPECT_THAT(loaded->config.reward, ElementsAre(folder / "reward_model"));
  EXPECT_THAT(loaded->config.validation_prompts,
              ElementsAre(folder / "prompts/one_shape_validation.txt"));
  EXPECT_THAT(loaded->notices,
              Contains("no --model: the embedded model with its recipe train.yaml"));
  EXPECT_EQ(loaded->config_file, "");
}

// The recipe's file is named where it gave what is wrong, never for what was typed.
TEST(TrainConfig, AMistakeThatWasTypedIsNotTheRecipes) {
  const TemporaryFolder folder;
  folder.Write("train.yaml", "truncation_steps: 9\nmicro_batch_size: 2\n");
  const auto error = [&](const Words& words) {
    return std::string(LoadTrainConfig(words, "/", folder.path()).status().message());
  };
  EXPECT_EQ(error({"--truncation_steps=30"}),
            "--truncation_steps: found 30, expected at most --steps 25");
  EXPECT_EQ(error({"--steps=7"}),
            "--truncation_steps: found 9, expected at most --steps 7 (with --config=the embedded "
            "model's train.yaml)");
}

// The flags of a command line that a run has no use for.
Words Idle(const Words& arguments) {
  const auto loaded = Load(arguments);
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  Words flags;
  for (const std::string& notice : loaded->notices) {
    const size_t end = notice.find(" has no effect in this run: ");
    if (end != std::string::npos) flags.push_back(notice.substr(0, end));
  }
  return flags;
}

TEST(TrainConfig, FlagsWithoutEffectAreNamedOnce) {
  EXPECT_THAT(Idle({"--objective=draft_k", "--copies=8", "--refl_margin=3", "--refl_weight=2",
                    "--late_steps=1", "--truncation_draw=normal", "--ema_decay=.5",
                    "--recomputed_parts=unet"}),
              ElementsAre("--recomputed_parts", "--copies", "--late_steps", "--truncation_draw",
                          "--refl_margin", "--refl_weight", "--ema_decay"));
  EXPECT_THAT(
      Idle({"--objective=refl", "--refl_margin=3", "--refl_weight=2", "--late_steps=1", "--ema",
            "--ema_decay=.5", "--activation_checkpointing", "--recomputed_parts=unet"}),
      ElementsAre());
  EXPECT_THAT(Idle({"--objective=draft_lv", "--copies=8", "--truncation_steps=2"}),
              ElementsAre("--truncation_steps"));
  EXPECT_THAT(Idle({"--objective=drtune", "--truncation_steps=2", "--late_steps=3"}),
              ElementsAre());
  EXPECT_THAT(Idle({"--lora=l", "--lora_rank=4", "--lora_alpha=2", "--target_modules=to_q"}),
              ElementsAre("--lora_rank", "--lora_alpha", "--target_modules"));
  EXPECT_THAT(Idle({"--peft_scheme=none", "--lora_rank=8", "--lora_alpha=2"}),
              ElementsAre("--lora_rank", "--lora_alpha"));
  EXPECT_THAT(Idle({"--lora_rank=0", "--target_modules=to_q"}), ElementsAre("--target_modules"));
  EXPECT_THAT(Idle({"--peft_scheme=sdlora", "--target_modules=to_q"}),
              ElementsAre("--peft_scheme"));
  EXPECT_THAT(
      Idle({"--val_check_interval=0", "--images_per_prompt=3", "--validation_images=2",
            "--validation_reward=h", "--validation_prompts=p", "--stop_on_alarm",
            "--keep_adapters=2", "--stop_when=reward(1)"}),
      ElementsAre("--validation_reward", "--validation_prompts", "--validation_images",
                  "--images_per_prompt", "--keep_adapters", "--stop_on_alarm", "--stop_when"));
  EXPECT_THAT(Idle({"--lora_rank=0", "--keep_adapters=2"}), ElementsAre("--keep_adapters"));
  EXPECT_THAT(Load({"--peft_scheme=none", "--lora_rank=8"})->notices,
              Contains("--lora_rank has no effect in this run: --peft_scheme none trains the whole "
                       "UNet"));
}

TEST(TrainConfig, ListsGrowWithEveryOccurrence) {
  const auto loaded = Load({"--reward=a:2", "--reward=b"});
  EXPECT_THAT(loaded->config.reward,
              ElementsAre("/home/pickscore:0.5", "/home/hps", "/home/a:2", "/home/b"));
  EXPECT_THAT(Load({"--lora=a", "--lora=b"}), FailsWith("one adapter at present"));
}

TEST(TrainConfig, OtherProgramsNamesAreAnswered) {
  for (const auto& [theirs, ours] : std::vector<std::pair<std::string, std::string>>{
           {"--learning_rate=1", "--lr"},
           {"--rank=3", "--lora_rank"},
           {"--network_dim=3", "--lora_rank"},
           {"--train_batch_size=3", "--micro_batch_size"},
           {"--max_train_steps=3", "--max_steps"},
           {"-o", "--output_dir"}}) {
    EXPECT_THAT(Load({theirs}), FailsWith("did you mean " + ours + "?"));
  }
}

TEST(TrainConfig, ValidatesOnTheUsersPromptsWhereThereAreSome) {
  const TemporaryFolder folder;
  const auto loaded = LoadTrainConfig({"--prompts=mine.txt"}, "/", folder.path());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->config.prompts, ElementsAre("/mine.txt"));
  EXPECT_TRUE(loaded->config.validation_prompts.empty());
}

TEST(TrainConfig, DryRunIsASwitchWithAName) {
  EXPECT_EQ(Load({})->config.dry_run, "off");
  EXPECT_EQ(Load({"--dry_run"})->config.dry_run, "plan");
  EXPECT_EQ(Load({"--dry_run=false"})->config.dry_run, "off");
  EXPECT_EQ(Load({"--dry_run=probe"})->config.dry_run, "probe");
  EXPECT_EQ(Load({"dry_run=true"})->config.dry_run, "plan");
  EXPECT_THAT(Load({"--dry_run=try"}), FailsWith("--dry_run: found \"try\", expected false, plan"));
  const TemporaryFolder folder;
  const std::string yaml = folder.Write("a.yaml", "dry_run: true\n");
  EXPECT_EQ(Load({"--config=" + yaml})->config.dry_run, "plan");
}

TEST(TrainConfig, TheLearningRateIsANumberWithShorthandsOrASchedule) {
  const auto shorthand =
      Load({"--lr=1e-4", "--lr_schedule=cosine", "--warmup_steps=500", "--max_steps=10500"});
  const auto whole = Load({"--lr=warmup(500,cosine(1e-4,0,10000))"});
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(shorthand->config.LearningRate(), whole->config.LearningRate());
  EXPECT_DOUBLE_EQ(whole->config.LearningRate()(499), 1e-4 * 500 / 501);
  for (const char* beside : {"--warmup_steps=5", "--lr_schedule=cosine"}) {
    EXPECT_THAT(std::string(Load({"--lr=cosine(1e-4,0,100)", beside}).status().message()),
                HasSubstr(": found it beside --lr cosine(1e-04,0,100), expected one of the two"));
  }
  // What is typed replaces what a file has.
  const TemporaryFolder folder;
  const std::string yaml = folder.Write("a.yaml", "lr: 1\nwarmup_steps: 7\nrho: 7\n");
  const auto typed =
      Load({"--config=" + yaml, "--lr=cosine(1e-4,0,100)", "--discretization=edm(0.1,9,5)"});
  ASSERT_TRUE(typed.ok()) << typed.status();
  EXPECT_EQ(typed->config.warmup_steps, 0);
  EXPECT_EQ(typed->config.sampling.rho, 5);
}

TEST(TrainConfig, StopRulesAreAListThatIsMeasured) {
  const auto loaded = Load({"--stop_when=diversity(0.80), reward(25)", "--validation_reward=h"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config.stop_when, *ParseStopRules("diversity(0.8),reward(25)"));
  EXPECT_TRUE(Load({})->config.stop_when.empty());
  const TemporaryFolder folder;
  const std::string yaml = folder.Write("a.yaml", "stop_when: [reward(25), diversity(0.5)]\n");
  EXPECT_EQ(Load({"--config=" + yaml})->config.stop_when,
            *ParseStopRules("reward(25),diversity(0.5)"));
  const auto error = [](const Words& words) { return std::string(Load(words).status().message()); };
  EXPECT_EQ(error({"--stop_when=held_out_falls(3)"}),
            "--stop_when: found held_out_falls(3) without --validation_reward, expected a held-out "
            "reward for it to read");
  EXPECT_EQ(error({"--stop_when=diversity(0.8)", "--images_per_prompt=1"}),
            "--stop_when: found diversity(0.8) with --images_per_prompt 1, expected 2 or more, of "
            "which diversity is measured");
  EXPECT_EQ(error({"--stop_when=reward"}),
            "--stop_when: found \"reward\", expected held_out_falls(validations), "
            "diversity(share), reward(value), or several of them separated by commas");
  EXPECT_THAT(error({"--keep_adapters=-2"}),
              HasSubstr("--keep_adapters: found \"-2\", expected an integer from -1 to"));
}

TEST(TrainConfig, ARunsRecordRepeatsItExactly) {
  const TemporaryFolder folder;
  const TrainConfig config =
      Load({"--peft_scheme=sdlora", "--kl_coeff=linear(1,0.1,200)", "--seed=18446744073709551615",
            "--stop_when=reward(25),diversity(0.5)", "--keep_adapters=-1"})
          ->config;
  const std::string path = folder / "run.json";
  std::ofstream(path) << nlohmann::ordered_json{
      {"config", ConfigValuesToJson(TrainTable().Print(config))}};
  const auto loaded = LoadTrainConfig({"--config=" + path}, "/", "");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config, config);
}

TEST(TrainConfig, TheDocsHaveTheTable) {
  const std::string document = Contents("docs/training.md");
  const auto expected =
      ReplaceMarkedTable(document, "train", ConfigMarkdown(TrainTable().schema()));
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_TRUE(document == *expected)
      << "docs/training.md differs from the table; regenerate it with\n"
         "  bazel run //draftp/train:train_config_docs -- docs/training.md";
}

}  // namespace
}  // namespace draftp
