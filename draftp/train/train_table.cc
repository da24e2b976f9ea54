#include "draftp/train/train_table.h"

#include <string>
#include <utility>
#include <vector>

#include "draftp/io/config_schema.h"
#include "draftp/pipeline/sampling_rows.h"

namespace draftp {
namespace {

using Table = ConfigTable<TrainConfig>;
using Kind = ConfigRule::Kind;
using C = TrainConfig;

void AddModels(Table& table) {
  table.Group("Models")
      .Path(&C::model, {.key = "model",
                        .original_keys = {"model.unet_config.from_pretrained"},
                        .value_name = "DIR",
                        .help = "SDXL folder in the Hugging Face layout",
                        .default_text = "the embedded model"})
      .PathList(&C::reward,
                {.key = "reward",
                 .original_keys = {"rm.model.restore_from_path"},
                 .value_name = "DIR[:weight[:offset[:scale]]][,...]",
                 .help = "reward models; what is maximised is the sum of weight * (r - offset) * "
                         "scale",
                 .default_text = "the embedded one, without --model"})
      .PathList(&C::validation_reward,
                {.key = "validation_reward",
                 .value_name = "DIR[,...]",
                 .help = "held-out reward models, scored at validations and never trained on"})
      .Path(&C::lora, {.key = "lora",
                       .original_keys = {"model.peft.restore_from_path"},
                       .value_name = "FILE|DIR",
                       .help = "adapter to start from; its ranks and layers count"})
      .Switch(&C::activation_checkpointing,
              {.key = "activation_checkpointing",
               .original_keys = {"model.activation_checkpointing"},
               .help = "recompute activations in the backward pass: less memory, some more time"})
      .List(&C::recomputed_parts,
            {.key = "recomputed_parts",
             .value_name = "PART[,...]",
             .help = "whose activations --activation_checkpointing recomputes: unet, decoder, "
                     "reward"});
}

void AddData(Table& table) {
  table.Group("Data")
      .PathList(&C::prompts,
                {.key = "prompts",
                 .original_keys = {"model.data.webdataset.local_root_path"},
                 .value_name = "FILE|GLOB[,...]",
                 .help = "captions: .tar (webdataset), .txt, .jsonl or .csv; globs and {000..009}",
                 .default_text = "the embedded ones, without --model"})
      .PathList(&C::validation_prompts, {.key = "validation_prompts",
                                         .value_name = "FILE|GLOB[,...]",
                                         .help = "captions drawn at validations",
                                         .default_text = "the first of --prompts"});
}

void AddTrained(Table& table) {
  table.Group("What is trained")
      .Choice(&C::peft_scheme, {{"lora", {}}, {"sdlora", {}}, {"none", {}}},
              {.key = "peft_scheme",
               .original_keys = {"model.peft.peft_scheme"},
               .value_name = "lora|sdlora|none",
               .help = "sdlora is a LoRA with the original's --target_modules; none trains the "
                       "whole UNet"})
      .Integer(&C::lora_rank, 0, 4096,
               {.key = "lora_rank",
                .original_keys = {"model.peft.lora_tuning.adapter_dim"},
                .value_name = "R",
                .help = "of the adapter; 0 trains the whole UNet"})
      .Number(&C::lora_alpha, 0, 1e6,
              {.key = "lora_alpha",
               .original_keys = {"model.peft.lora_tuning.network_alpha"},
               .value_name = "A",
               .help = "the adapter's change is scaled by A/R; 0 means R"})
      .List(
          &C::target_modules,
          {.key = "target_modules",
           .value_name = "NAME[,...]",
           .help = "layers with an adapter: diffusers (to_q, to_k, to_v, to_out.0), sdlora (those "
                   "and both feed-forward layers), or ends of layer paths"});
}

void AddObjective(Table& table) {
  table.Group("Objective")
      .Choice(
          &C::objective,
          {{"draft_k", {}}, {"draft_lv", {}}, {"alignprop", {}}, {"refl", {}}, {"drtune", {}}},
          {.key = "objective",
           .value_name = "NAME",
           .help = "draft_k (last K steps), draft_lv (re-noised copies of the end), alignprop "
                   "(K drawn at random), refl (predicted from one late step) or drtune (equally "
                   "spaced steps)"})
      .Integer(&C::truncation_steps, 1, 10'000,
               {.key = "truncation_steps",
                .original_keys = {"model.truncation_steps"},
                .value_name = "K",
                .unit = "steps",
                .help = "draft_k, drtune: steps with gradient, at most --steps"})
      .Text(&C::kl_coeff,
            {.key = "kl_coeff",
             .original_keys = {"model.kl_coeff"},
             .value_name = "C",
             .help = "weight of the KL to the base model: a number, linear(from,to,steps) or "
                     "target(kl,initial) (docs/schedules.md)"})
      .Choice(&C::kl_weight, {{"one", {}}, {"half", {}}, {"inverse_sigma_squared", {}}},
              {.key = "kl_weight",
               .value_name = "NAME",
               .help = "of each step in the KL: one (the original's), half or "
                       "inverse_sigma_squared"})
      .Integer(&C::copies, 1, 64,
               {.key = "copies",
                .value_name = "N",
                .unit = "copies",
                .help = "draft_lv: re-noised copies of each image"})
      .Integer(&C::late_steps, 0, 10'000,
               {.key = "late_steps",
                .value_name = "N",
                .unit = "steps",
                .help = "refl, drtune: the random stop is among the last N; 0 means a quarter"})
      .Choice(&C::truncation_draw, {{"uniform", {}}, {"normal", {}}},
              {.key = "truncation_draw",
               .value_name = "uniform|normal",
               .help = "alignprop: how K is drawn; normal keeps about 16% of the steps"})
      .Number(&C::refl_margin, -1e6, 1e6,
              {.key = "refl_margin",
               .value_name = "X",
               .unit = "reward",
               .help = "refl: images above this reward no longer train"})
      .Number(&C::refl_weight, 1e-12, 1e6,
              {.key = "refl_weight", .value_name = "X", .help = "refl: factor on the loss"});
}

void AddOptimizer(Table& table) {
  table.Group("Optimiser")
      .Number(&C::lr, 1e-12, 100,
              {.key = "lr",
               .original_keys = {"model.optim.lr"},
               .value_name = "X",
               .help = "learning rate of AdamW after the warm-up"})
      .Choice(&C::lr_schedule, {{"constant", {}}, {"cosine", {}}},
              {.key = "lr_schedule",
               .value_name = "constant|cosine",
               .help = "after the warm-up; cosine falls to 0 at --max_steps"})
      .Integer(&C::warmup_steps, 0, 100'000'000,
               {.key = "warmup_steps",
                .original_keys = {"model.optim.sched.warmup_steps"},
                .value_name = "N",
                .unit = "steps",
                .help = "linear rise of the learning rate, (step+1)/(N+1)"})
      .Number(&C::weight_decay, 0, 100,
              {.key = "weight_decay",
               .original_keys = {"model.optim.weight_decay"},
               .value_name = "X",
               .help = "decoupled, of everything that is trained"})
      .List(&C::betas, {.key = "betas",
                        .original_keys = {"model.optim.betas"},
                        .value_name = "B1,B2",
                        .help = "decay of AdamW's first and second moments"})
      .Number(&C::gradient_clip_val, 0, 1e9,
              {.key = "gradient_clip_val",
               .original_keys = {"trainer.draftp_sd.gradient_clip_val"},
               .value_name = "X",
               .help = "largest global norm of a step's gradient; 0 means no limit"})
      .Switch(&C::ema, {.key = "ema",
                        .original_keys = {"exp_manager.ema.enable"},
                        .help = "keep an exponential moving average of what is trained"})
      .Number(&C::ema_decay, 0, 1,
              {.key = "ema_decay",
               .original_keys = {"exp_manager.ema.decay"},
               .value_name = "X",
               .help = "of the moving average, per step"});
}

void AddRunning(Table& table) {
  table.Group("Running")
      .Integer(&C::max_steps, 1, 1'000'000'000,
               {.key = "max_steps",
                .original_keys = {"trainer.draftp_sd.max_steps"},
                .value_name = "N",
                .unit = "steps",
                .help = "optimiser steps of the whole run"})
      .Integer(&C::micro_batch_size, 1, 4096,
               {.key = "micro_batch_size",
                .original_keys = {"model.micro_batch_size"},
                .value_name = "N",
                .unit = "images",
                .help = "images that go through the networks at once"})
      .Integer(&C::global_batch_size, 1, 1'000'000,
               {.key = "global_batch_size",
                .original_keys = {"model.global_batch_size"},
                .value_name = "N",
                .unit = "images",
                .help = "images of an optimiser step; a multiple of --micro_batch_size"})
      .Seed(&C::seed, {.key = "seed",
                       .original_keys = {"model.seed"},
                       .value_name = "N",
                       .help = "of noise, adapter, order of captions and random objectives"})
      .Integer(&C::max_skipped_steps, 1, 1'000'000,
               {.key = "max_skipped_steps",
                .value_name = "N",
                .unit = "steps",
                .help = "end the run after so many steps in a row with a loss or gradient that "
                        "isn't finite"});
  AddPlacementRows(table);
  table.Switch(&C::cuda_graph,
               {.key = "cuda_graph",
                .help = "on a GPU, record a micro batch once and replay it, where it is always the "
                        "same (draft_k, a constant --kl_coeff, a sampler without noise)"});
  table.Switch(&C::deterministic,
               {.key = "deterministic",
                .help = "on a GPU, only kernels that give the same bits every time (a CPU always "
                        "does)"});
}

void AddOutput(Table& table) {
  table.Group("Output")
      .Path(&C::output_dir, {.key = "output_dir",
                             .original_keys = {"exp_manager.explicit_log_dir"},
                             .value_name = "DIR",
                             .help = "folder of the trained weights, checkpoints and logs",
                             .default_text = "draftp_train, beside another run's draftp_train_2 "
                                             "and so on"})
      .Text(&C::resume,
            {.key = "resume",
             .original_keys = {"exp_manager.resume_if_exists"},
             .value_name = "auto|none|DIR",
             .help = "auto goes on from the newest checkpoint in --output_dir, if there "
                     "is one; DIR from that checkpoint; either only where settings and the "
                     "contents of all files are those that it was made with"})
      .Switch(&C::resume_changed,
              {.key = "resume_changed",
               .help = "go on from a checkpoint though settings or files have changed since; log, "
                       "report and run.json say what and from which step on"})
      .Integer(&C::save_interval, 1, 1'000'000'000,
               {.key = "save_interval",
                .original_keys = {"trainer.draftp_sd.save_interval"},
                .value_name = "N",
                .unit = "steps",
                .help = "between checkpoints"})
      .Integer(&C::keep_checkpoints, 1, 1'000'000,
               {.key = "keep_checkpoints",
                .value_name = "N",
                .unit = "checkpoints",
                .help = "the newest that stay, besides the one with the best validation reward"})
      .Integer(&C::val_check_interval, 0, 1'000'000'000,
               {.key = "val_check_interval",
                .original_keys = {"trainer.draftp_sd.val_check_interval"},
                .value_name = "N",
                .unit = "steps",
                .help = "between validations, besides the first and the last; 0 means none at all"})
      .Integer(&C::validation_images, 1, 10'000,
               {.key = "validation_images",
                .value_name = "N",
                .unit = "prompts",
                .help = "prompts drawn at a validation, by both models from the same noise"})
      .Integer(&C::images_per_prompt, 1, 64,
               {.key = "images_per_prompt",
                .value_name = "N",
                .unit = "images",
                .help = "of each validation prompt; diversity needs 2"})
      .Switch(&C::stop_on_alarm,
              {.key = "stop_on_alarm",
               .help = "end the run when a sign of reward hacking is seen, instead of a warning"})
      .Switch(&C::dry_run, {.key = "dry_run",
                            .help = "print the plan (what is trained, memory, steps, images) and "
                                    "touch nothing"});
}

void AddRules(Table& table) {
  const auto refuse = [&](std::vector<std::string> patterns, const std::string& note) {
    table.Rule({Kind::kRefused, std::move(patterns), note, {}});
  };
  const auto ignore = [&](std::vector<std::string> patterns, const std::string& note) {
    table.Rule({Kind::kIgnored, std::move(patterns), note, {}});
  };
  refuse({"model.unet_config.from_NeMo", "model.first_stage_config.from_NeMo"},
         "weights are read in diffusers' layout: give the converted folder as --model");
  refuse({"model.first_stage_config.from_pretrained"},
         "the VAE is the folder vae of --model: put it there");
  refuse({"exp_manager.create_wandb_logger", "exp_manager.wandb_logger_kwargs.*",
          "wandb_logger_kwargs.*"},
         "nothing is sent anywhere: read log.jsonl, report.html or the TensorBoard events in "
         "--output_dir");
  refuse({"rm.trainer.devices"}, "the reward runs where the run does: --device");
  table.Rule({Kind::kOnly, {SamplingKey("guider")}, "guidance is classifier-free", {"VanillaCFG"}});
  table.Rule({Kind::kOnly, {SamplingKey("thresholder")}, "nothing is thresholded", {"None"}});
  table.Rule({Kind::kOnly,
              {SamplingKey("img2img_strength")},
              "every run starts from noise",
              {"1", "1.0"}});
  table.Rule({Kind::kOnly,
              {"model.peft.lora_tuning.adapter_dropout"},
              "the adapter has no dropout",
              {"0", "0.0"}});
  ignore({"trainer.devices", "trainer.num_nodes"},
         "one device trains; --global_batch_size says what a step has in all");
  ignore({"trainer.draftp_sd.max_epochs", "trainer.draftp_sd.limit_val_batches"},
         "--max_steps and --validation_images say it");
  ignore({"trainer.*", "exp_manager.*", "name"}, "it is the original's framework's");
  ignore({"model.fsdp", "model.fsdp_set_buffer_dtype"}, "one device trains");
  ignore({"model.data.*"}, "--prompts says it");
  ignore({"model.optim.*"}, "the optimiser is AdamW with a warm-up");
  ignore({"rm.*", "reward_model"}, "the reward's folder says it");
  ignore({"model.precision"}, "`trainer.precision` says it");
  ignore({"model.peft.*"}, "--peft_scheme and --lora_rank say it");
  ignore({"weight_type", "prompt"}, "it is //tools:anneal's");
  ignore({SamplingKey("orig_width"), SamplingKey("orig_height"), SamplingKey("crop_coords_top"),
          SamplingKey("crop_coords_left"), SamplingKey("aesthetic_score"),
          SamplingKey("negative_aesthetic_score")},
         "size embeddings are the image's own size, without a crop");
  ignore({"model.unet_config.*", "model.first_stage_config.*", "model.conditioner_config.*",
          "model.denoiser_config.*", "model.scale_factor", "model.is_legacy", "model.scale_by_std",
          "model.restore_from_path", "pretrained_checkpoint.*"},
         "the model folder's config.json files say it");
  ignore({"model.disable_first_stage_autocast", "model.inductor", "model.capture_cudagraph_iters",
          "model.channels_last", "model.precache_mode", "model.apex_transformer_log_level",
          "model.nsys_profile.*", "model.gradient_as_bucket_view", "model.resume_from_checkpoint",
          "model.loss_fn_config.*"},
         "it tunes the original's framework");
}

}  // namespace

ConfigTable<TrainConfig> MakeTrainTable() {
  Table table("train",
              "Fine-tunes SDXL on a differentiable reward (DRaFT+): truncated backpropagation "
              "through sampling, kept near the base model by a KL term. Without any flag it trains "
              "a LoRA for the embedded model on its reward in a few minutes on a CPU.");
  AddModels(table);
  AddData(table);
  AddTrained(table);
  AddObjective(table);
  AddOptimizer(table);
  table.Group("Sampling");
  AddSamplingRows(table);
  AddPictureSize(table);
  AddSamplerOptions(table);
  AddRunning(table);
  AddOutput(table);
  AddRules(table);
  table.Example("train", "the embedded model on its own reward, as tiny_sdxl/train.yaml says")
      .Example("train --model sdxl --reward pickscore --prompts captions.txt --output_dir run",
               "a LoRA for your model")
      .Example("train --config draftp_sdxl.yaml model.optim.lr=1e-4 --max_steps 500",
               "settings of the original, with two of them changed")
      .Example("train --config run/run.json", "a run again, or on from where it stopped");
  return table;
}

}  // namespace draftp
