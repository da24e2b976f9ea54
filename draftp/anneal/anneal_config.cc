// The table of the annealing run's settings and the rules between them.
#include "draftp/anneal/anneal_config.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/anneal/anneal_model_rows.h"
#include "draftp/anneal/anneal_prompt_rows.h"
#include "draftp/anneal/lora_argument.h"
#include "draftp/config/config_load.h"
#include "draftp/config/config_row.h"
#include "draftp/config/config_schema.h"
#include "draftp/config/config_table.h"
#include "draftp/config/config_value.h"
#include "draftp/io/count.h"
#include "draftp/io/printable.h"
#include "draftp/sampling/any_noise.h"
#include "draftp/sampling/parse_blending.h"
#include "draftp/schedule/text.h"
#include "draftp/sdxl/placement_rows.h"
#include "draftp/sdxl/sampling_config.h"

namespace draftp {
namespace {

using Table = ConfigTable<AnnealConfig>;
using Kind = ConfigRule::Kind;

void AddSubjects(Table& table) {
  table.Group("What to draw")
      .List(
          &AnnealConfig::weight_type,
          {.key = "weight_type",
           .original_keys = {"weight_type"},
           .value_name = "T[,T...]",
           .help = "weights of the fine-tuned model over the steps: base, draft, linear, power_p, "
                   "step_f and more; other ways to blend: weights(0.4), mix, draw, contrast, "
                   "guided, projected, bands (docs/schedules.md)",
           .common = true});
  AddPromptRows(table);
  table.Integer(&AnnealConfig::images_per_prompt, 1, 1'000'000,
                {.key = "images_per_prompt",
                 .value_name = "N",
                 .unit = "images",
                 .help = "pictures of each prompt and weight type, each from its own noise",
                 .elsewhere = {"num_images_per_prompt", "num_images", "n_samples"},
                 .common = true});
  table.Append(&AnnealConfig::sampling, PictureSizeRows());
}

void AddSampling(Table& table) {
  table.Group("Sampling");
  table.Append(&AnnealConfig::sampling, SamplingRows());
  table
      .Choice(&AnnealConfig::noise, ChoicesNamed(NoiseStreams::Names()),
              {.key = "noise",
               .value_name = "NAME",
               .help = "per_image (image g from seed + g, whatever the batch) or original (one "
                       "stream for all images)"})
      .Seed(&AnnealConfig::seed, {.key = "seed",
                                  .original_keys = {"model.seed"},
                                  .value_name = "N",
                                  .help = "of the noise",
                                  .common = true});
}

void AddRunning(Table& table) {
  table.Group("Running").Integer(
      &AnnealConfig::batch_size, 1, 1024,
      {.key = "batch_size",
       .value_name = "N",
       .unit = "images",
       .help = "images drawn at once; per_image noise gives the same pictures",
       .common = true});
  AddPlacementRows(table);
  AddDecoderRow(table);
  AddMemoryRow(table);
  table
      .Path(&AnnealConfig::output_dir,
            {.key = "output_dir",
             .value_name = "DIR",
             .help = "folder of the pictures; one that holds another run's is refused",
             .default_text = "annealed_outputs, or annealed_outputs_2, ...",
             .elsewhere = {"o", "out", "outdir", "out_dir", "output", "save_dir"},
             .common = true})
      .Switch(&AnnealConfig::skip_existing,
              {.key = "skip_existing",
               .help = "keep pictures that the same weights and settings drew, draw the others",
               .common = true})
      .Switch(&AnnealConfig::overwrite,
              {.key = "overwrite",
               .help = "draw into a folder that holds another run's pictures; those that are left "
                       "of them go at the end"})
      .Integer(&AnnealConfig::nproc, 1, 1024,
               {.key = "nproc",
                .value_name = "N",
                .unit = "processes",
                .help = "processes on this machine that share out the images, each with a GPU of "
                        "its own where there are GPUs",
                .elsewhere = {"nproc_per_node", "num_processes", "num_gpus"},
                .common = true})
      .Choice(&AnnealConfig::share, ChoicesNamed({kShareImages, kShareModelPair}),
              {.key = "share",
               .value_name = "NAME",
               .help = "what several processes share out: images (each draws others), model_pair "
                       "(two draw each image together, for its latency: in each step one evaluates "
                       "the base model and one the fine-tuned, or a condition each)"})
      .Number(&AnnealConfig::timeout, 1, 86'400,
              {.key = "timeout",
               .value_name = "S",
               .unit = "seconds",
               .help = "how long a process of several waits for the others before the run ends"})
      .Mode(&AnnealConfig::dry_run, {"plan", "probe"},
            {.key = "dry_run",
             .help = "print the plan (images, memory, disk) and touch nothing; =probe also draws "
                     "one batch, for its seconds and its peak of memory",
             .common = true});
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
      .Rule({Kind::kOnly,
             {"exp_manager.create_wandb_logger"},
             "nothing is sent anywhere: read run.json in --output_dir",
             {"False", "false", "FALSE"}})
      .Rule({Kind::kRefused,
             {"rm.trainer.devices"},
             "no reward model runs here: --device chooses where the run computes",
             {}})
      .Rule({Kind::kOnly, {SamplingKey("thresholder")}, "nothing is thresholded", {"None"}})
      .Rule({Kind::kOnly,
             {SamplingKey("img2img_strength")},
             "images start from noise",
             {"1", "1.0"}});
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
         "`--nproc` says how many processes draw, each on a device of its own");
  ignore(
      {"exp_manager.exp_dir", "exp_manager.name", "exp_manager.create_checkpoint_callback",
       "exp_manager.create_tensorboard_logger", "exp_manager.checkpoint_callback_params.*",
       "exp_manager.resume_if_exists", "exp_manager.resume_ignore_no_checkpoint",
       "exp_manager.ema.*", "exp_manager.wandb_logger_kwargs.*", "wandb_logger_kwargs.*", "name"},
      "it is training's log and checkpoints");
  ignore({"model.micro_batch_size"}, "`--batch_size` is this program's");
  ignore({"model.data.*"}, "`--prompts` is this program's");
  ignore({"model.precision"}, "`trainer.precision` says it");
  ignore({"model.peft.*"}, "the adapter's file says it");
  ignore({"model.unet_config.*", "model.first_stage_config.*", "model.conditioner_config.*",
          "model.denoiser_config.*", "model.scale_factor", "model.is_legacy", "model.scale_by_std",
          "model.restore_from_path", "pretrained_checkpoint.*"},
         "the model folder's config.json files say it");
  ignore({SamplingKey("orig_width"), SamplingKey("orig_height"), SamplingKey("crop_coords_top"),
          SamplingKey("crop_coords_left"), SamplingKey("aesthetic_score"),
          SamplingKey("negative_aesthetic_score")},
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
  AddModelRows(table);
  table.Append(&AnnealConfig::parts, PartRows());
  AddSubjects(table);
  AddSampling(table);
  table.Group("Options of samplers and discretisations")
      .Append(&AnnealConfig::sampling, SamplerOptionRows());
  AddRunning(table);
  AddRefusedKeys(table);
  AddIgnoredKeys(table);
  table.Sibling({.program = "train",
                 .key = "max_steps",
                 .note = "--explicit_log_dir DIR draws with what that run has made"});
  table.Example("anneal --weight_type=step_0.6", "one weight type with the embedded model")
      .Example("anneal --model sdxl --lora run --prompt \"a red circle\" --seed 7",
               "your model and adapter, one prompt")
      .Example("anneal --config draftp_sdxl.yaml model.sampling.base.steps=25 --output_dir out",
               "settings of a training run, with two of them changed")
      .Example("anneal --config out/run.json --skip_existing",
               "a run again, from where it stopped");
  return table;
}

// Whether the weight type is one of as many adapters as there are, where that is known.
absl::Status CheckAdapters(const BlendType& type, const AnnealConfig& config) {
  const std::string text = Quoted(type.text, 60);
  const int expected = type.blending.adapters(), found = static_cast<int>(config.lora.size());
  if (!config.tuned.empty() && type.blending.scales_adapters()) {
    return InvalidFlag("weight_type", text + " beside --tuned",
                       "it with --lora, for only an adapter's change of the weights has a scale");
  }
  if (expected == 0 || (config.lora.empty() && config.tuned.empty())) return absl::OkStatus();
  if (!config.tuned.empty()) {
    if (expected == 1) return absl::OkStatus();
    return InvalidFlag("weight_type", text + " beside --tuned",
                       absl::StrCat(expected, " adapters (--lora, typed ", expected, " times)"));
  }
  if (found == expected) return absl::OkStatus();
  const std::string each =
      expected == 1 && found > 1 ? ", or a form for several: mix, weights, draw, contrast" : "";
  return InvalidFlag("weight_type", absl::StrCat(text, " with ", Count(found, "adapter")),
                     absl::StrCat(Count(expected, "adapter"), each));
}

absl::Status CheckWeightTypes(const AnnealConfig& config, const std::vector<LoraArgument>& loras) {
  if (HaveTypedWeights(loras) && !config.weight_type.empty() &&
      config.weight_type != AnnealConfig{}.weight_type) {
    return InvalidFlag("weight_type", "it beside --lora with weights of their own",
                       "one of the two");
  }
  if (HaveOwnWeights(config)) return absl::OkStatus();
  if (config.weight_type.empty())
    return InvalidFlag("weight_type", "an empty list", "a weight type");
  const auto types = ParseBlendTypes(config.weight_type, config);
  if (!types.ok()) return types.status();
  for (const BlendType& type : *types) {
    if (absl::Status fits = CheckAdapters(type, config); !fits.ok()) return fits;
  }
  return absl::OkStatus();
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
  DropShorthands(loaded->flags, loaded->config.sampling);
  if (HaveOwnWeights(loaded->config) && loaded->config.weight_type == AnnealConfig{}.weight_type) {
    loaded->config.weight_type.clear();
  }
  absl::Status status = ValidateAnnealConfig(loaded->config);
  if (!status.ok()) return WithConfigFile(status, *loaded, loaded->config_file);
  FillShorthands(loaded->config.sampling);
  const std::vector<std::string> idle = AnnealTable().WithoutEffect(loaded->flags, loaded->config);
  loaded->notices.insert(loaded->notices.end(), idle.begin(), idle.end());
  return loaded;
}

absl::StatusOr<std::vector<BlendType>> ParseBlendTypes(const std::vector<std::string>& texts,
                                                       const AnnealConfig& config) {
  auto types = ParseBlendingList(absl::StrJoin(texts, ","), {.seed = config.seed});
  if (!types.ok()) return absl::InvalidArgumentError("--weight_type: " + types.error());
  return *std::move(types);
}

bool HaveOwnWeights(const AnnealConfig& config) {
  const std::vector<LoraArgument> loras = ParseLoraArguments(config.lora);
  if (HaveTypedWeights(loras)) return true;
  return loras.size() > 1 &&
         (config.weight_type.empty() || config.weight_type == AnnealConfig{}.weight_type);
}

absl::Status ValidateAnnealConfig(const AnnealConfig& config) {
  if (absl::Status status = AnnealTable().Check(config); !status.ok()) return status;
  const std::vector<LoraArgument> loras = ParseLoraArguments(config.lora);
  if (absl::Status status = CheckLoraArguments(loras); !status.ok()) return status;
  if (!config.lora.empty() && !config.tuned.empty()) {
    return InvalidFlag("tuned", "it beside --lora", "one of the two");
  }
  if (config.lora_scale != 1.0 && !config.tuned.empty()) {
    return InvalidFlag("lora_scale", "it beside --tuned", "it with a LoRA");
  }
  if (absl::Status status = CheckSampling(config.sampling); !status.ok()) return status;
  return CheckWeightTypes(config, loras);
}

}  // namespace draftp
