#include "draftp/train/train_table.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "draftp/config/config_row.h"
#include "draftp/config/config_schema.h"
#include "draftp/objective/any_objective.h"
#include "draftp/sdxl/sampling_config.h"
#include "draftp/train/setting_rows.h"

namespace draftp {
namespace {

using Table = ConfigTable<TrainConfig>;
using C = TrainConfig;

const char* NoNewAdapter(const C& config) {
  if (config.full()) return "the whole UNet is trained";
  return config.lora.empty() ? "" : "--lora has its own";
}

// Why an option has no effect: the objective doesn't take it.
std::function<std::string(const C&)> OfObjective(const std::string& option) {
  return [=](const C& config) {
    const auto& members = AnyObjective::Members();
    if (members.Takes(config.objective, option)) return std::string();
    return "it belongs to --objective " + members.TakersOf(option);
  };
}

void AddModels(Table& table) {
  table.Group("Models")
      .Path(&C::model, {.key = "model",
                        .original_keys = {"model.unet_config.from_pretrained"},
                        .value_name = "FILE|DIR",
                        .help = "an SDXL: a single .safetensors file, or a folder in diffusers' "
                                "layout",
                        .default_text = "the embedded model",
                        .elsewhere = {"pretrained_model_name_or_path", "model_id", "ckpt", "m"},
                        .common = true})
      .PathList(&C::reward,
                {.key = "reward",
                 .original_keys = {"rm.model.restore_from_path"},
                 .value_name = "DIR[:weight[:offset[:scale]]][,...]",
                 .help = "reward models; what is maximised is the sum of weight * (r - offset) * "
                         "scale",
                 .default_text = "the embedded one, without --model",
                 .elsewhere = {"reward_model", "reward_fn"},
                 .common = true})
      .PathList(&C::validation_reward,
                {.key = "validation_reward",
                 .value_name = "DIR[,...]",
                 .help = "held-out reward models, scored at validations and never trained on"})
      .NoEffect(NoValidations)
      .Path(&C::lora, {.key = "lora",
                       .original_keys = {"model.peft.restore_from_path"},
                       .value_name = "FILE|DIR",
                       .help = "adapter to start from; its ranks and layers count",
                       .elsewhere = {"lora_weights", "network_weights", "adapter"},
                       .once = "one adapter at present"})
      .Switch(&C::activation_checkpointing,
              {.key = "activation_checkpointing",
               .original_keys = {"model.activation_checkpointing"},
               .help = "recompute activations in the backward pass: less memory, some more time",
               .elsewhere = {"gradient_checkpointing"},
               .common = true})
      .List(&C::recomputed_parts,
            {.key = "recomputed_parts",
             .value_name = "PART[,...]",
             .help = "whose activations --activation_checkpointing recomputes: unet, decoder, "
                     "reward"})
      .NoEffect([](const C& c) {
        return c.activation_checkpointing ? "" : "it belongs to --activation_checkpointing";
      });
}

void AddData(Table& table) {
  table.Group("Data")
      .PathList(
          &C::prompts,
          {.key = "prompts",
           .original_keys = {"model.data.webdataset.local_root_path"},
           .value_name = "FILE|GLOB[,...]",
           .help = "captions: .tar (webdataset), .txt, .caption, .jsonl, .json, .csv or .tsv, also "
                   "with .gz; globs, {000..009} and folders of such files; - is the standard "
                   "input, a caption a line",
           .default_text = "the embedded ones, without --model",
           .elsewhere = {"train_data_dir", "dataset_name", "captions", "prompt_file"},
           .common = true})
      .PathList(&C::validation_prompts,
                {.key = "validation_prompts",
                 .value_name = "FILE|GLOB[,...]",
                 .help = "captions drawn at validations",
                 .default_text = "the first of --prompts; without --model the "
                                 "embedded ones"})
      .NoEffect(NoValidations);
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
                .help = "of the adapter; 0 trains the whole UNet",
                .elsewhere = {"rank", "network_dim", "r", "dim"},
                .common = true})
      .NoEffect([](const C& c) {
        return c.peft_scheme == "none" ? "--peft_scheme none trains the whole UNet"
               : c.lora.empty()        ? ""
                                       : "the ranks of --lora count";
      })
      .Number(&C::lora_alpha, 0, 1e6,
              {.key = "lora_alpha",
               .original_keys = {"model.peft.lora_tuning.network_alpha"},
               .value_name = "A",
               .help = "the adapter's change is scaled by A/R; 0 means R",
               .elsewhere = {"network_alpha", "alpha"}})
      .NoEffect(NoNewAdapter)
      .List(
          &C::target_modules,
          {.key = "target_modules",
           .value_name = "NAME[,...]",
           .help = "layers with an adapter: diffusers (to_q, to_k, to_v, to_out.0), sdlora (those "
                   "and both feed-forward layers), or ends of layer paths"})
      .NoEffect(NoNewAdapter);
}

void AddObjective(Table& table) {
  table.Group("Objective")
      .Choice(
          &C::objective, ChoicesNamed(AnyObjective::Names()),
          {.key = "objective",
           .value_name = "NAME",
           .help = "draft_k (last K steps), draft_lv (re-noised copies of the end), alignprop "
                   "(K drawn at random), refl (predicted from one late step) or drtune (equally "
                   "spaced steps)",
           .common = true})
      .Integer(&C::truncation_steps, 1, 10'000,
               {.key = "truncation_steps",
                .original_keys = {"model.truncation_steps"},
                .value_name = "K",
                .unit = "steps",
                .help = "draft_k, drtune: steps with gradient, at most --steps",
                .common = true})
      .NoEffect(OfObjective("truncation_steps"))
      .Value(&C::kl_coeff, KlScheduleRow(),
             {.key = "kl_coeff",
              .original_keys = {"model.kl_coeff"},
              .value_name = "C",
              .help = "weight of the KL to the base model: a number, linear(from,to,steps) or "
                      "target(kl,initial) (docs/schedules.md)",
              .elsewhere = {"beta", "kl_weight_coeff", "kl"},
              .common = true})
      .Value(&C::kl_weight, KlWeightRow(),
             {.key = "kl_weight",
              .value_name = "NAME",
              .help = "of each step in the KL: one (the original's), half or "
                      "inverse_sigma_squared"});
}

// Of one objective each.
void AddObjectiveOptions(Table& table) {
  table
      .Integer(&C::copies, 1, 64,
               {.key = "copies",
                .value_name = "N",
                .unit = "copies",
                .help = "draft_lv: re-noised copies of each image"})
      .NoEffect(OfObjective("copies"))
      .Integer(&C::late_steps, 0, 10'000,
               {.key = "late_steps",
                .value_name = "N",
                .unit = "steps",
                .help = "refl, drtune: the random stop is among the last N; 0 means a quarter"})
      .NoEffect(OfObjective("late_steps"))
      .Value(&C::truncation_draw, TruncationDrawRow(),
             {.key = "truncation_draw",
              .value_name = "uniform|normal",
              .help = "alignprop: how K is drawn; normal keeps about 16% of the steps"})
      .NoEffect(OfObjective("truncation_draw"))
      .Number(&C::refl_margin, -1e6, 1e6,
              {.key = "refl_margin",
               .value_name = "X",
               .unit = "reward",
               .help = "refl: images above this reward no longer train"})
      .NoEffect(OfObjective("refl_margin"))
      .Number(&C::refl_weight, 1e-12, 1e6,
              {.key = "refl_weight", .value_name = "X", .help = "refl: factor on the loss"})
      .NoEffect(OfObjective("refl_weight"));
}

void AddOptimizer(Table& table) {
  table.Group("Optimiser")
      .Value(&C::lr, LearningRateRow(),
             {.key = "lr",
              .original_keys = {"model.optim.lr"},
              .value_name = "X",
              .help = "learning rate of AdamW after the warm-up: a number, or a schedule as "
                      "warmup(500,cosine(1e-4,0,10000)) (docs/schedules.md)",
              .elsewhere = {"learning_rate", "unet_lr"},
              .common = true})
      .Choice(&C::lr_schedule, {{"constant", {}}, {"cosine", {}}},
              {.key = "lr_schedule",
               .value_name = "constant|cosine",
               .help = "after the warm-up; cosine falls to 0 at --max_steps",
               .elsewhere = {"lr_scheduler"}})
      .Integer(&C::warmup_steps, 0, 100'000'000,
               {.key = "warmup_steps",
                .original_keys = {"model.optim.sched.warmup_steps"},
                .value_name = "N",
                .unit = "steps",
                .help = "linear rise of the learning rate, (step+1)/(N+1)",
                .elsewhere = {"lr_warmup_steps"}})
      .Number(&C::weight_decay, 0, 100,
              {.key = "weight_decay",
               .original_keys = {"model.optim.weight_decay"},
               .value_name = "X",
               .help = "decoupled, of everything that is trained"})
      .Pair(&C::betas, 0, 1,
            {.key = "betas",
             .original_keys = {"model.optim.betas"},
             .value_name = "B1,B2",
             .help = "decay of AdamW's first and second moments"})
      .Number(&C::gradient_clip_val, 0, 1e9,
              {.key = "gradient_clip_val",
               .original_keys = {"trainer.draftp_sd.gradient_clip_val"},
               .value_name = "X",
               .help = "largest global norm of a step's gradient; 0 means no limit",
               .elsewhere = {"max_grad_norm"}})
      .Switch(&C::ema, {.key = "ema",
                        .original_keys = {"exp_manager.ema.enable"},
                        .help = "keep an exponential moving average of what is trained",
                        .elsewhere = {"use_ema"}})
      .Number(&C::ema_decay, 1e-6, 1,
              {.key = "ema_decay",
               .original_keys = {"exp_manager.ema.decay"},
               .value_name = "X",
               .help = "of the moving average, per step"})
      .NoEffect([](const C& c) { return c.ema ? "" : "it belongs to --ema"; });
}

void AddRunning(Table& table) {
  table.Group("Running")
      .Integer(&C::max_steps, 1, 1'000'000'000,
               {.key = "max_steps",
                .original_keys = {"trainer.draftp_sd.max_steps"},
                .value_name = "N",
                .unit = "steps",
                .help = "optimiser steps of the whole run",
                .elsewhere = {"max_train_steps", "num_train_steps", "train_steps"},
                .common = true})
      .Integer(&C::micro_batch_size, 1, 4096,
               {.key = "micro_batch_size",
                .original_keys = {"model.micro_batch_size"},
                .value_name = "N",
                .unit = "images",
                .help = "images that go through the networks at once",
                .elsewhere = {"train_batch_size", "batch_size"},
                .common = true})
      .Integer(&C::global_batch_size, 1, 1'000'000,
               {.key = "global_batch_size",
                .original_keys = {"model.global_batch_size"},
                .value_name = "N",
                .unit = "images",
                .help = "images of an optimiser step; a multiple of --micro_batch_size",
                .elsewhere = {"gradient_accumulation_steps", "total_batch_size"},
                .common = true})
      .Seed(&C::seed, {.key = "seed",
                       .original_keys = {"model.seed"},
                       .value_name = "N",
                       .help = "of noise, adapter, order of captions and random objectives",
                       .common = true})
      .Integer(&C::max_skipped_steps, 1, 1'000'000,
               {.key = "max_skipped_steps",
                .value_name = "N",
                .unit = "steps",
                .help = "end the run after so many steps in a row with a loss or gradient that "
                        "isn't finite"});
}

}  // namespace

ConfigTable<TrainConfig> MakeTrainTable() {
  Table table("train",
              "Fine-tunes SDXL on a differentiable reward (DRaFT+): truncated backpropagation "
              "through sampling, kept near the base model by a KL term. Without any flag it trains "
              "a LoRA for the embedded model on its reward in a few minutes on a CPU.");
  AddModels(table);
  table.Append(&C::parts, PartRows());
  AddData(table);
  AddTrained(table);
  AddObjective(table);
  AddObjectiveOptions(table);
  AddOptimizer(table);
  table.Group("Sampling");
  table.Append(&C::sampling, SamplingRows()).Append(&C::sampling, PictureSizeRows());
  table.Group("Options of samplers and discretisations").Append(&C::sampling, SamplerOptionRows());
  AddRunning(table);
  AddProcesses(table);
  AddTrainOutput(table);
  AddValidations(table);
  AddTrainRules(table);
  table.Sibling(
      {.program = "anneal", .key = "lora_scale", .note = "what both have can be given as flags"});
  table.Example("train", "the embedded model on its own reward, as tiny_sdxl/train.yaml says")
      .Example("train --model sdxl --reward pickscore --prompts captions.txt --output_dir run",
               "a LoRA for your model")
      .Example("train --config draftp_sdxl.yaml model.optim.lr=1e-4 --max_steps 500",
               "settings of the original, with two of them changed")
      .Example("train --config run/run.json", "a run again, or on from where it stopped");
  return table;
}

}  // namespace draftp
