// The table of the annealing run's settings and the rules between them.
#include "draftp/pipeline/anneal_config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/io/config_load.h"
#include "draftp/io/config_row.h"
#include "draftp/io/config_schema.h"
#include "draftp/io/config_table.h"
#include "draftp/io/config_value.h"
#include "draftp/io/printable.h"
#include "draftp/schedule/parse_weighing.h"
#include "draftp/schedule/parsed.h"

namespace draftp {
namespace {

using Table = ConfigTable<AnnealConfig>;
using Kind = ConfigRule::Kind;

constexpr int64_t kBundlePrompts = 8;
constexpr int64_t kLargestSize = 8192;  // pixels
constexpr double kLargestScale = 1000;

std::string Sampling(const std::string& key) { return "model.sampling.base." + key; }

// auto, cpu, cuda or cuda:i with i from 0 to 127, without leading zeros.
bool IsDevice(const std::string& text) {
  if (text == "auto" || text == "cpu" || text == "cuda") return true;
  if (text.rfind("cuda:", 0) != 0) return false;
  const std::optional<uint64_t> index = ParseUint64(text.substr(5));
  return index.has_value() && *index <= 127 && text == absl::StrCat("cuda:", *index);
}

void AddModels(Table& table) {
  table.Group("Models")
      .Path(&AnnealConfig::model, {.key = "model",
                                   .original_keys = {"model.unet_config.from_pretrained"},
                                   .value_name = "DIR",
                                   .help = "SDXL folder in the Hugging Face layout",
                                   .default_text = "the embedded model"})
      .Path(&AnnealConfig::lora, {.key = "lora",
                                  .original_keys = {"model.peft.restore_from_path"},
                                  .value_name = "FILE|DIR",
                                  .help = "fine-tuned model as a LoRA in diffusers' layout",
                                  .default_text = "the embedded model's, without --model"})
      .Number(&AnnealConfig::lora_scale, -kLargestScale, kLargestScale,
              {.key = "lora_scale", .value_name = "S", .help = "factor on the LoRA's change"})
      .Path(&AnnealConfig::tuned, {.key = "tuned",
                                   .value_name = "DIR",
                                   .help = "fine-tuned model as a whole UNet, instead of a LoRA"})
      .Path(
          &AnnealConfig::explicit_log_dir,
          {.key = "explicit_log_dir",
           .original_keys = {"exp_manager.explicit_log_dir"},
           .value_name = "DIR",
           .help = "training run whose newest checkpoint is taken when neither --lora nor --tuned "
                   "is given"});
}

void AddSubjects(Table& table) {
  table.Group("What to draw")
      .List(
          &AnnealConfig::weight_type,
          {.key = "weight_type",
           .original_keys = {"weight_type"},
           .value_name = "T[,T...]",
           .help = "weights of the fine-tuned model over the steps: base, draft, linear, power_p, "
                   "step_f and more (docs/schedules.md)"})
      .Text(&AnnealConfig::prompt, {.key = "prompt",
                                    .original_keys = {"prompt"},
                                    .value_name = "TEXT",
                                    .help = "the only prompt; a prompt file is then not read"})
      .Path(&AnnealConfig::prompts, {.key = "prompts",
                                     .value_name = "FILE",
                                     .help = "prompts, a line each",
                                     .default_text = "8 of the embedded model, without --model"})
      .Integer(&AnnealConfig::max_prompts, 0, 1'000'000'000,
               {.key = "max_prompts",
                .value_name = "N",
                .unit = "prompts",
                .help = "only the first N of the file; 0 means all"})
      .Text(&AnnealConfig::negative_prompt,
            {.key = "negative_prompt",
             .value_name = "TEXT",
             .help = "what to steer away from; empty means SDXL's zero embedding",
             .default_text = "",
             .allow_empty = true})
      .Integer(&AnnealConfig::images_per_prompt, 1, 1'000'000,
               {.key = "images_per_prompt",
                .value_name = "N",
                .unit = "images",
                .help = "pictures of each prompt and weight type, each from its own noise"})
      .Integer(&AnnealConfig::height, 0, kLargestSize,
               {.key = "height",
                .original_keys = {Sampling("height")},
                .value_name = "N",
                .unit = "pixels",
                .help = "a multiple of 8; 0 means the model's own"})
      .Integer(&AnnealConfig::width, 0, kLargestSize,
               {.key = "width",
                .original_keys = {Sampling("width")},
                .value_name = "N",
                .unit = "pixels",
                .help = "a multiple of 8; 0 means the model's own"});
}

void AddSampling(Table& table) {
  table.Group("Sampling")
      .Integer(&AnnealConfig::steps, 1, 10'000,
               {.key = "steps",
                .original_keys = {Sampling("steps")},
                .value_name = "N",
                .unit = "steps",
                .help = "noise levels that a run passes; at most 1000 (leading: 999) but for edm"})
      .Number(&AnnealConfig::guidance_scale, -kLargestScale, kLargestScale,
              {.key = "guidance_scale",
               .original_keys = {Sampling("scale")},
               .value_name = "S",
               .help = "classifier-free guidance; 1 means none and costs half"})
      .Choice(&AnnealConfig::sampler,
              {{"euler", {"EulerEDMSampler"}},
               {"heun", {"HeunEDMSampler"}},
               {"euler_ancestral", {"EulerAncestralSampler"}},
               {"dpmpp_2s", {"DPMPP2SAncestralSampler"}},
               {"dpmpp_2m", {"DPMPP2MSampler"}},
               {"lms", {"LinearMultistepSampler"}}},
              {.key = "sampler",
               .original_keys = {Sampling("sampler"), Sampling("sampler.target"),
                                 Sampling("sampler._target_")},
               .value_name = "NAME",
               .help = "euler, heun, euler_ancestral, dpmpp_2s, dpmpp_2m or lms"})
      .Choice(
          &AnnealConfig::discretization,
          {{"legacy_ddpm", {"LegacyDDPMDiscretization"}},
           {"edm", {"EDMDiscretization"}},
           {"trailing", {}},
           {"leading", {}}},
          {.key = "discretization",
           .original_keys = {Sampling("discretization"), Sampling("discretization.target"),
                             Sampling("discretization._target_")},
           .value_name = "NAME",
           .help = "noise levels: legacy_ddpm, edm (Karras), or diffusers' trailing or leading"})
      .Choice(&AnnealConfig::noise, {{"per_image", {}}, {"original", {}}},
              {.key = "noise",
               .value_name = "NAME",
               .help = "per_image (image g from seed + g, whatever the batch) or original (one "
                       "stream for all images)"})
      .Seed(&AnnealConfig::seed, {.key = "seed",
                                  .original_keys = {"model.seed"},
                                  .value_name = "N",
                                  .help = "of the noise"});
}

void AddSamplerOptions(Table& table) {
  const auto number = [&](double AnnealConfig::*member, double low, double high,
                          const std::string& key, const std::string& unit,
                          const std::string& help) {
    table.Number(member, low, high,
                 {.key = key,
                  .original_keys = {Sampling(key)},
                  .value_name = "X",
                  .unit = unit,
                  .help = help});
  };
  table.Group("Options of samplers and discretisations");
  number(&AnnealConfig::sigma_min, 1e-6, 1e6, "sigma_min", "sigma", "edm: the last level before 0");
  number(&AnnealConfig::sigma_max, 1e-6, 1e6, "sigma_max", "sigma", "edm: the first level");
  number(&AnnealConfig::rho, 0.01, 1000, "rho", "", "edm: curvature of the levels");
  number(&AnnealConfig::s_churn, 0, 1e6, "s_churn", "", "euler, heun: noise added over the run");
  number(&AnnealConfig::s_tmin, 0, 1e6, "s_tmin", "sigma", "euler, heun: no churn below");
  number(&AnnealConfig::s_tmax, 0, 1e6, "s_tmax", "sigma", "euler, heun: no churn above");
  number(&AnnealConfig::s_noise, 0, 1000, "s_noise", "", "factor on the noise added in a run");
  number(&AnnealConfig::eta, 0, 1000, "eta", "", "euler_ancestral, dpmpp_2s: share of fresh noise");
  table.Integer(&AnnealConfig::order, 1, 8,
                {.key = "order",
                 .original_keys = {Sampling("order")},
                 .value_name = "N",
                 .unit = "steps",
                 .help = "lms: how many steps it looks back"});
}

void AddRunning(Table& table) {
  table.Group("Running")
      .Integer(&AnnealConfig::batch_size, 1, 1024,
               {.key = "batch_size",
                .value_name = "N",
                .unit = "images",
                .help = "images drawn at once; per_image noise gives the same pictures"})
      .Word(&AnnealConfig::device, IsDevice, "auto, cpu, cuda or cuda:i",
            {.key = "device",
             .value_name = "auto|cpu|cuda[:i]",
             .help = "where to compute; auto takes a GPU if one can be used"})
      .Choice(&AnnealConfig::dtype,
              {{"auto", {}},
               {"float32", {"32", "32-true", "fp32"}},
               {"bfloat16", {"bf16", "bf16-mixed", "bf16-true"}}},
              {.key = "dtype",
               .original_keys = {"trainer.precision"},
               .value_name = "auto|float32|bfloat16",
               .help = "of the networks; auto: bfloat16 on a GPU, float32 on a CPU"})
      .Path(&AnnealConfig::output_dir,
            {.key = "output_dir", .value_name = "DIR", .help = "folder of the pictures"})
      .Switch(&AnnealConfig::skip_existing,
              {.key = "skip_existing", .help = "keep pictures that are there and draw the others"});
}

void AddRefusedKeys(Table& table) {
  table
      .Rule({Kind::kRefused,
             {"model.unet_config.from_NeMo", "model.first_stage_config.from_NeMo"},
             "weights are read in diffusers' layout: give the converted folder as --model",
             {}})
      .Rule({Kind::kRefused,
             {"model.first_stage_config.from_pretrained"},
             "the VAE is the folder vae of --model: put it there",
             {}})
      .Rule({Kind::kRefused,
             {"exp_manager.create_wandb_logger", "exp_manager.wandb_logger_kwargs.*",
              "wandb_logger_kwargs.*"},
             "nothing is sent anywhere: read run.json in --output_dir",
             {}})
      .Rule({Kind::kRefused,
             {"rm.trainer.devices"},
             "no reward model runs here: --device chooses where the run computes",
             {}})
      .Rule({Kind::kOnly, {Sampling("guider")}, "guidance is classifier-free", {"VanillaCFG"}})
      .Rule({Kind::kOnly, {Sampling("thresholder")}, "nothing is thresholded", {"None"}})
      .Rule({Kind::kOnly, {Sampling("img2img_strength")}, "images start from noise", {"1", "1.0"}});
}

void AddIgnoredKeys(Table& table) {
  const auto ignore = [&](std::vector<std::string> patterns, const std::string& note) {
    table.Rule({Kind::kIgnored, std::move(patterns), note, {}});
  };
  ignore({"trainer.draftp_sd.*",
          "trainer.max_epochs",
          "trainer.max_steps",
          "trainer.val_check_interval",
          "trainer.log_every_n_steps",
          "trainer.accumulate_grad_batches",
          "trainer.logger",
          "trainer.enable_checkpointing",
          "trainer.benchmark",
          "trainer.enable_model_summary",
          "model.optim.*",
          "model.kl_coeff",
          "model.truncation_steps",
          "model.activation_checkpointing",
          "model.fsdp",
          "model.fsdp_set_buffer_dtype",
          "model.global_batch_size",
          "model.gradient_as_bucket_view",
          "model.resume_from_checkpoint",
          "model.loss_fn_config.*",
          "rm.*",
          "reward_model"},
         "it is training's");
  ignore({"trainer.devices", "trainer.num_nodes", "trainer.accelerator"},
         "one process draws on one device: `--device`");
  ignore({"exp_manager.exp_dir", "exp_manager.name", "exp_manager.create_checkpoint_callback",
          "exp_manager.create_tensorboard_logger", "exp_manager.checkpoint_callback_params.*",
          "exp_manager.resume_if_exists", "exp_manager.resume_ignore_no_checkpoint",
          "exp_manager.ema.*", "name"},
         "it is training's log and checkpoints");
  ignore({"model.micro_batch_size"}, "`--batch_size` is this program's");
  ignore({"model.data.*"}, "`--prompts` is this program's");
  ignore({"model.precision"}, "`trainer.precision` says it");
  ignore({"model.peft.*"}, "the adapter's file says it");
  ignore({"model.unet_config.*", "model.first_stage_config.*", "model.conditioner_config.*",
          "model.denoiser_config.*", "model.scale_factor", "model.is_legacy", "model.scale_by_std",
          "model.restore_from_path", "pretrained_checkpoint.*"},
         "the model folder's config.json files say it");
  ignore({Sampling("orig_width"), Sampling("orig_height"), Sampling("crop_coords_top"),
          Sampling("crop_coords_left"), Sampling("aesthetic_score"),
          Sampling("negative_aesthetic_score")},
         "size embeddings are the image's own size, without a crop");
  ignore({"model.disable_first_stage_autocast", "model.inductor", "model.capture_cudagraph_iters",
          "model.channels_last", "model.precache_mode", "model.apex_transformer_log_level",
          "model.nsys_profile.*"},
         "it tunes the original's framework");
}

Table MakeTable() {
  Table table("anneal",
              "Draws pictures with a base SDXL, its fine-tuned version, and mixtures of both that "
              "move from the one to the other over the steps of a run. Without any flag it draws 8 "
              "prompts with the embedded model, its LoRA and six weight types.");
  AddModels(table);
  AddSubjects(table);
  AddSampling(table);
  AddSamplerOptions(table);
  AddRunning(table);
  AddRefusedKeys(table);
  AddIgnoredKeys(table);
  table.Example("anneal --weight_type=step_0.6", "one weight type with the embedded model")
      .Example("anneal --model sdxl --lora run/lora --prompt \"a red circle\" --seed 7",
               "your model and adapter, one prompt")
      .Example("anneal --config draftp_sdxl.yaml model.sampling.base.steps=25 --output_dir out",
               "settings of a training run, with two of them changed")
      .Example("anneal --config out/run.json --skip_existing",
               "a run again, from where it stopped");
  return table;
}

absl::Status Invalid(const std::string& key, const std::string& found,
                     const std::string& expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", key, ": found ", found, ", expected ", expected));
}

int64_t MostSteps(const std::string& discretization) {
  if (discretization == "edm") return 10'000;
  return discretization == "leading" ? 999 : 1000;
}

}  // namespace

const ConfigTable<AnnealConfig>& AnnealTable() {
  static const Table* const table = new Table(MakeTable());
  return *table;
}

absl::StatusOr<LoadedConfig<AnnealConfig>> LoadAnnealConfig(
    const std::vector<std::string>& arguments, const std::string& user_folder) {
  auto loaded = LoadConfig(AnnealTable(), arguments, user_folder);
  if (!loaded.ok() || loaded->help) return loaded;
  absl::Status status = ValidateAnnealConfig(loaded->config);
  if (status.ok()) return loaded;
  if (loaded->config_file.empty()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(status.message(), " (with --config=", Printable(loaded->config_file), ")"));
}

absl::StatusOr<std::vector<WeightType>> ParseWeightTypes(const AnnealConfig& config) {
  Parsed<std::vector<WeightType>> types = ParseWeighingList(absl::StrJoin(config.weight_type, ","));
  if (!types.ok()) return absl::InvalidArgumentError("--weight_type: " + types.error());
  return *std::move(types);
}

absl::Status ValidateAnnealConfig(const AnnealConfig& config) {
  if (absl::Status status = AnnealTable().Check(config); !status.ok()) return status;
  if (!config.lora.empty() && !config.tuned.empty()) {
    return Invalid("tuned", "it beside --lora", "one of the two");
  }
  if (config.lora_scale != 1.0 && !config.tuned.empty()) {
    return Invalid("lora_scale", "it beside --tuned", "it with a LoRA");
  }
  for (const auto& [key, size] : {std::pair("height", config.height), {"width", config.width}}) {
    if (size % 8 != 0) return Invalid(key, absl::StrCat(size), "a multiple of 8");
  }
  if (config.steps > MostSteps(config.discretization)) {
    return Invalid("steps", absl::StrCat(config.steps),
                   absl::StrCat("at most ", MostSteps(config.discretization),
                                " with --discretization ", config.discretization));
  }
  if (config.sigma_min >= config.sigma_max) {
    return Invalid("sigma_min", FormatDouble(config.sigma_min),
                   "less than --sigma_max " + FormatDouble(config.sigma_max));
  }
  if (config.output_dir.empty()) return Invalid("output_dir", "an empty text", "a folder");
  if (config.weight_type.empty()) return Invalid("weight_type", "an empty list", "a weight type");
  return ParseWeightTypes(config).status();
}

absl::StatusOr<AnnealConfig> ResolveBundle(AnnealConfig config, const std::string& embedded_dir) {
  if (absl::Status status = ValidateAnnealConfig(config); !status.ok()) return status;
  const bool has_adapter =
      !config.lora.empty() || !config.tuned.empty() || !config.explicit_log_dir.empty();
  const bool has_prompts = !config.prompt.empty() || !config.prompts.empty();
  if (config.model.empty()) {
    if (embedded_dir.empty()) return Invalid("model", "none, and no embedded model", "a folder");
    config.model = embedded_dir;
    if (!has_adapter) config.lora = embedded_dir + "/lora";
    if (!has_prompts) {
      config.prompts = embedded_dir + "/prompts/validation.txt";
      if (config.max_prompts == 0) config.max_prompts = kBundlePrompts;
    }
    return config;
  }
  for (const std::string& type : config.weight_type) {
    if (has_adapter || type == "base") continue;
    return Invalid("weight_type", Quoted(type, 60) + " without a fine-tuned model",
                   "--lora, --tuned or --explicit_log_dir beside --model, or --weight_type base");
  }
  if (!has_prompts) return Invalid("prompt", "none", "--prompt or --prompts beside --model");
  return config;
}

}  // namespace draftp
