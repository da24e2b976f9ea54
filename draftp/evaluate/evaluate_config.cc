#include "draftp/evaluate/evaluate_config.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <cmath>
#include <utility>

#include "draftp/anneal/anneal_model_rows.h"
#include "draftp/anneal/anneal_prompt_rows.h"
#include "draftp/anneal/lora_argument.h"
#include "draftp/config/config_row.h"
#include "draftp/reward/composite_reward.h"
#include "draftp/run/embedded.h"
#include "draftp/sampling/parse_blending.h"
#include "draftp/sdxl/part_paths.h"
#include "draftp/sdxl/placement_rows.h"
#include "draftp/sdxl/sampling_config.h"

namespace draftp {
namespace {

using C = EvaluateConfig;
using Table = ConfigTable<C>;
using DrawTable = ConfigTable<AnnealConfig>;

constexpr int64_t kEmbeddedPrompts = 6;

// A table of `rows` alone, to be appended.
template <class F>
DrawTable DrawRows(F rows) {
  DrawTable table("", "");
  rows(table);
  return table;
}

void AddCompared(Table& table) {
  table.Group("Models").Append(&C::draw, DrawRows(AddBaseModelRow));
  table
      .PathItems(
          &C::lora,
          {.key = "lora",
           .value_name = "FILE|DIR[:T]",
           .help = "fine-tuned model as an adapter; typed again, one more to compare. T: the "
                   "one weight type that it is drawn with",
           .default_text = "the embedded model's, without --model",
           .elsewhere = {"lora_weights", "adapter", "network_weights", "lora_path"},
           .common = true})
      .Path(
          &C::checkpoints,
          {.key = "checkpoints",
           .value_name = "DIR",
           .help = "a training run: the adapters of its validations (adapters/step_N.safetensors)",
           .elsewhere = {"explicit_log_dir"},
           .common = true})
      .Path(&C::tuned, {.key = "tuned",
                        .value_name = "DIR",
                        .help = "fine-tuned model as a whole UNet, instead of a LoRA"})
      .Append(&C::draw,
              DrawRows([](DrawTable& rows) { rows.Append(&AnnealConfig::parts, PartRows()); }));
  table.Group("What to compare")
      .List(
          &C::weight_type,
          {.key = "weight_type",
           .value_name = "T[,T...]",
           .help =
               "ways to blend base and fine-tuned model (docs/schedules.md), a point each; none "
               "draws nothing",
           .default_text = "base,draft,linear,power_2,power_4,step_0.6; with --checkpoints draft, "
                           "with --pictures alone none",
           .common = true})
      .List(&C::lora_scale,
            {.key = "lora_scale",
             .value_name = "S[,S...]",
             .help = "scales of the LoRA's change, a point each, for comparison: one evaluation a "
                     "step; none leaves them out",
             .default_text = "0.2,0.4,0.6,0.8; with --checkpoints and --tuned none",
             .common = true})
      .PathItems(
          &C::pictures,
          {.key = "pictures",
           .value_name = "DIR[:NAME]",
           .help = "PNG pictures that anything has drawn, a point; or a folder of such "
                   "folders, as anneal leaves it. Captions are in the PNG's text, or in X.txt "
                   "beside X.png. A point named base is what the others are compared with",
           .common = true});
}

void AddScoring(Table& table) {
  table.Group("By what")
      .PathList(&C::reward, {.key = "reward",
                             .value_name = "DIR[:W[:O[:S]]][,...]",
                             .help = "reward models, as train takes them",
                             .default_text = "the embedded one, without --model",
                             .elsewhere = {"reward_model", "reward_fn"},
                             .common = true})
      .PathList(&C::validation_reward,
                {.key = "validation_reward",
                 .value_name = "DIR[,...]",
                 .help = "held-out reward models; the curve and the best point go by the first",
                 .common = true})
      .Path(&C::embedding,
            {.key = "embedding",
             .value_name = "DIR",
             .help = "CLIP model whose image embeddings diversity and distances are of",
             .default_text = "the first CLIP model among the held-out rewards, then the rewards"})
      .Number(
          &C::least_diversity, 0, 10,
          {.key = "least_diversity",
           .value_name = "F",
           .unit = "of the base's",
           .help = "the best point is that of the highest reward at no less diversity than this"})
      .Integer(&C::resamples, 100, 1'000'000,
               {.key = "resamples",
                .value_name = "N",
                .unit = "draws",
                .help = "of the bootstrap behind the intervals, which are of 95%"});
}

void AddDrawing(Table& table) {
  table.Group("What to draw").Append(&C::draw, DrawRows([](DrawTable& rows) {
    AddPromptRows(rows);
    rows.Append(&AnnealConfig::sampling, PictureSizeRows());
  }));
  table.Integer(&C::images_per_prompt, 1, 1'000'000,
                {.key = "images_per_prompt",
                 .value_name = "N",
                 .unit = "images",
                 .help = "pictures of each prompt at each point, each from its own noise",
                 .elsewhere = {"num_images_per_prompt", "num_images", "n_samples"},
                 .common = true});
  table.Group("Sampling").Append(&C::draw, DrawRows([](DrawTable& rows) {
    rows.Append(&AnnealConfig::sampling, SamplingRows());
    rows.Seed(&AnnealConfig::seed, {.key = "seed",
                                    .value_name = "N",
                                    .help = "of the noise, the same at every point",
                                    .common = true});
  }));
  table.Group("Options of samplers and discretisations")
      .Append(&C::draw, DrawRows([](DrawTable& rows) {
        rows.Append(&AnnealConfig::sampling, SamplerOptionRows());
      }));
}

void AddRunning(Table& table) {
  table.Group("Running")
      .Integer(&C::batch_size, 1, 1024,
               {.key = "batch_size",
                .value_name = "N",
                .unit = "images",
                .help = "images drawn and scored at once",
                .common = true})
      .Append(&C::draw, DrawRows([](DrawTable& rows) {
        AddPlacementRows(rows);
        AddDecoderRow(rows);
        AddMemoryRow(rows);
        rows.Integer(
                &AnnealConfig::nproc, 1, 1024,
                {.key = "nproc",
                 .value_name = "N",
                 .unit = "processes",
                 .help = "processes on this machine that share out the images, each with a GPU of "
                         "its own where there are GPUs",
                 .elsewhere = {"nproc_per_node", "num_processes", "num_gpus"},
                 .common = true})
            .Number(
                &AnnealConfig::timeout, 1, 86'400,
                {.key = "timeout",
                 .value_name = "S",
                 .unit = "seconds",
                 .help = "how long a process of several waits for the others before the run ends"});
      }));
  table
      .Path(&C::output_dir,
            {.key = "output_dir",
             .value_name = "DIR",
             .help = "folder of the report; an evaluation of the same settings that was cut short "
                     "goes on where it was, and one of other settings is refused",
             .default_text = "evaluation, or evaluation_2, ...",
             .elsewhere = {"o", "out", "outdir", "out_dir", "output", "save_dir"},
             .common = true})
      .Switch(&C::overwrite, {.key = "overwrite",
                              .help = "draw into a folder that holds an evaluation of other "
                                      "settings"});
}

Table MakeTable() {
  Table table(
      "evaluate",
      "Draws, scores and shows how reward and diversity trade off over ways to blend a base "
      "SDXL and its fine-tuned version, over adapters, their scales and a training run's "
      "steps. Writes evaluation.json, evaluation.csv and report.html. Without any flag it "
      "evaluates the embedded model and its LoRA.");
  AddCompared(table);
  AddScoring(table);
  AddDrawing(table);
  AddRunning(table);
  table.Example("evaluate", "the embedded model, its LoRA, six weight types and four LoRA scales")
      .Example(
          "evaluate --model sdxl --lora mine.safetensors --prompts held_out.txt --reward "
          "pickscore --validation_reward hpsv2",
          "your model and adapter")
      .Example("evaluate --model sdxl --checkpoints run --prompts held_out.txt --reward pickscore",
               "which step of a training run is best")
      .Example("evaluate --pictures drawn --reward pickscore", "pictures that are there");
  return table;
}

absl::Status CheckScales(const EvaluateConfig& config) {
  if (!HasScales(config)) return absl::OkStatus();
  if (config.lora_scale.empty()) return InvalidFlag("lora_scale", "an empty list", "none");
  for (const std::string& text : config.lora_scale) {
    double scale = 0;
    if (!absl::SimpleAtod(text, &scale) || !(std::abs(scale) <= 1000))
      return InvalidFlag("lora_scale", Quoted(text, 60), "numbers from -1000 to 1000, or none");
  }
  if (!config.tuned.empty())
    return InvalidFlag("lora_scale", "it beside --tuned", "it with a LoRA");
  return absl::OkStatus();
}

absl::Status CheckCompared(const EvaluateConfig& config) {
  const std::vector<std::pair<const char*, bool>> given = {
      {"tuned", !config.tuned.empty()},
      {"checkpoints", !config.checkpoints.empty()},
      {"lora", !config.lora.empty()}};
  for (size_t i = 0; i < given.size(); ++i) {
    for (size_t j = i + 1; j < given.size(); ++j) {
      if (given[i].second && given[j].second) {
        return InvalidFlag(given[i].first, absl::StrCat("it beside --", given[j].first),
                           "one of the two");
      }
    }
  }
  if (!Draws(config) && config.pictures.empty())
    return InvalidFlag("weight_type", kNoPoints, "a weight type, or --pictures");
  if (config.weight_type.empty())
    return InvalidFlag("weight_type", "an empty list", "a weight type, or none");
  return CheckLoraArguments(ParseLoraArguments(config.lora));
}

absl::Status CheckRewards(const EvaluateConfig& config) {
  if (config.reward.empty())
    return InvalidFlag("reward", "none", "a reward model's folder or file");
  const auto reward = CompositeReward::ParseSpecs(absl::StrJoin(config.reward, ","));
  if (!reward.ok()) return reward.status();
  if (config.validation_reward.empty()) return absl::OkStatus();
  return CompositeReward::ParseSpecs(absl::StrJoin(config.validation_reward, ",")).status();
}

// What the settings leave to the bundle, and to each other.
void Fill(const std::set<std::string>& given, const std::string& embedded_dir,
          EvaluateConfig& config) {
  AnnealConfig& draw = config.draw;
  const auto is_given = [&](const char* key) { return given.contains(key); };
  // Folders of pictures alone: nothing is drawn.
  const bool no_model = draw.model.empty() && config.lora.empty() && config.checkpoints.empty() &&
                        config.tuned.empty();
  if (!config.pictures.empty() && no_model && (!is_given("weight_type") || !Draws(config))) {
    config.weight_type = {kNoPoints};
    config.lora_scale = {kNoPoints};
    return;
  }
  const bool embedded = draw.model.empty() && !embedded_dir.empty();
  if (embedded) {
    draw.model = embedded_dir;
    if (config.lora.empty() && config.checkpoints.empty() && config.tuned.empty())
      config.lora = {embedded_dir + "/lora"};
    if (draw.prompt.empty() && draw.prompts.empty()) {
      draw.prompts = {embedded_dir + "/prompts/validation.txt"};
      if (draw.max_prompts == 0) draw.max_prompts = kEmbeddedPrompts;
    }
    if (config.reward.empty()) config.reward = {embedded_dir + "/reward_model"};
    if (!is_given("steps")) draw.sampling.steps = kEmbeddedSteps;
  }
  const bool one_each = !config.checkpoints.empty();
  if (one_each && !is_given("weight_type")) config.weight_type = {"draft"};
  if ((one_each || !config.tuned.empty()) && !is_given("lora_scale"))
    config.lora_scale = {kNoPoints};
}

}  // namespace

const ConfigTable<EvaluateConfig>& EvaluateTable() {
  static const Table* const table = new Table(MakeTable());
  return *table;
}

absl::StatusOr<LoadedConfig<EvaluateConfig>> LoadEvaluateConfig(
    const std::vector<std::string>& arguments, const std::string& user_folder,
    const std::string& embedded_dir) {
  auto loaded = LoadConfig(EvaluateTable(), arguments, user_folder);
  if (!loaded.ok() || loaded->help) return loaded;
  EvaluateConfig& config = loaded->config;
  EvaluateTable().TransformPaths(
      config, [&](const std::string& path) { return ExpandEmbedded(path, embedded_dir); });
  DropShorthands(loaded->flags, config.draw.sampling);
  Fill(loaded->given, embedded_dir, config);
  absl::Status status = ValidateEvaluateConfig(config);
  if (!status.ok()) return WithConfigFile(status, *loaded, loaded->config_file);
  FillShorthands(config.draw.sampling);
  const std::vector<std::string> idle = EvaluateTable().WithoutEffect(loaded->flags, config);
  loaded->notices.insert(loaded->notices.end(), idle.begin(), idle.end());
  return loaded;
}

absl::Status ValidateEvaluateConfig(const EvaluateConfig& config) {
  if (absl::Status status = EvaluateTable().Check(config); !status.ok()) return status;
  if (absl::Status status = CheckScales(config); !status.ok()) return status;
  if (absl::Status status = CheckCompared(config); !status.ok()) return status;
  if (absl::Status status = CheckRewards(config); !status.ok()) return status;
  if (!Draws(config)) return absl::OkStatus();
  if (config.draw.model.empty()) return InvalidFlag("model", "none", "an SDXL's file or folder");
  if (config.draw.prompt.empty() && config.draw.prompts.empty())
    return InvalidFlag("prompt", "none", "--prompt or --prompts beside --model");
  const auto types = ParseBlendingList(absl::StrJoin(config.weight_type, ","));
  if (!types.ok()) return absl::InvalidArgumentError("--weight_type: " + types.error());
  return CheckSampling(config.draw.sampling);
}

}  // namespace draftp
