// Rows of what a training run writes, and of its validations.
#include <string>

#include "draftp/config/config_row.h"
#include "draftp/config/config_schema.h"
#include "draftp/train/setting_rows.h"
#include "draftp/train/train_table.h"

namespace draftp {
namespace {

using Table = ConfigTable<TrainConfig>;
using C = TrainConfig;

const char* NoAdapters(const C& config) {
  return config.full() ? "the whole UNet is trained: checkpoints hold it" : NoValidations(config);
}

}  // namespace

const char* NoValidations(const C& config) {
  return config.val_check_interval > 0 ? "" : "--val_check_interval 0 is no validation";
}

void AddTrainOutput(Table& table) {
  table.Group("Output")
      .Path(&C::output_dir, {.key = "output_dir",
                             .original_keys = {"exp_manager.explicit_log_dir"},
                             .value_name = "DIR",
                             .help = "folder of the trained weights, checkpoints and logs",
                             .default_text = "draftp_train, or draftp_train_2, ...",
                             .elsewhere = {"o", "out", "outdir", "out_dir", "output", "save_dir"},
                             .common = true})
      .Text(&C::resume,
            {.key = "resume",
             .original_keys = {"exp_manager.resume_if_exists"},
             .value_name = "auto|none|DIR",
             .help = "auto goes on from the newest checkpoint in --output_dir, if there "
                     "is one; DIR from that checkpoint; either only where settings and the "
                     "contents of all files are those that it was made with",
             .elsewhere = {"resume_from_checkpoint", "resume_from"},
             .common = true})
      .Switch(&C::resume_changed,
              {.key = "resume_changed",
               .help = "go on from a checkpoint though settings or files have changed since; log, "
                       "report and run.json say what and from which step on"})
      .Integer(&C::save_interval, 1, 1'000'000'000,
               {.key = "save_interval",
                .original_keys = {"trainer.draftp_sd.save_interval"},
                .value_name = "N",
                .unit = "steps",
                .help = "between checkpoints",
                .elsewhere = {"checkpointing_steps", "save_every_n_steps", "save_steps"}})
      .Integer(&C::keep_checkpoints, 1, 1'000'000,
               {.key = "keep_checkpoints",
                .value_name = "N",
                .unit = "checkpoints",
                .help = "the newest that stay, besides the one with the best validation reward",
                .elsewhere = {"checkpoints_total_limit", "save_total_limit"}});
}

void AddValidations(Table& table) {
  table
      .Integer(&C::val_check_interval, 0, 1'000'000'000,
               {.key = "val_check_interval",
                .original_keys = {"trainer.draftp_sd.val_check_interval"},
                .value_name = "N",
                .unit = "steps",
                .help = "between validations, besides the first and the last; 0 means none at all",
                .elsewhere = {"validation_steps", "eval_steps"}})
      .Integer(&C::validation_images, 1, 10'000,
               {.key = "validation_images",
                .value_name = "N",
                .unit = "prompts",
                .help = "prompts drawn at a validation, by both models from the same noise"})
      .NoEffect(NoValidations)
      .Integer(&C::images_per_prompt, 1, 64,
               {.key = "images_per_prompt",
                .value_name = "N",
                .unit = "images",
                .help = "of each validation prompt; diversity needs 2",
                .elsewhere = {"num_validation_images"}})
      .NoEffect(NoValidations)
      .Integer(&C::keep_adapters, -1, 1'000'000,
               {.key = "keep_adapters",
                .value_name = "N",
                .unit = "adapters",
                .help = "the LoRA of each validation, adapters/step_N.safetensors in bfloat16: how "
                        "many of the newest stay; -1 is all, 0 none"})
      .NoEffect(NoAdapters)
      .Switch(&C::stop_on_alarm,
              {.key = "stop_on_alarm",
               .help = "end the run when a sign of reward hacking is seen, instead of a warning"})
      .NoEffect(NoValidations)
      .Value(&C::stop_when, StopRulesRow(),
             {.key = "stop_when",
              .value_name = "RULE[,...]",
              .help = "end the run at the validation for which one of these holds: the held-out "
                      "reward's best is so many validations old; diversity is below that share of "
                      "the base's; the validation reward is at least that"})
      .NoEffect(NoValidations)
      .Mode(&C::dry_run, {"plan", "probe"},
            {.key = "dry_run",
             .help = "print the plan (what is trained, memory, disk, images) and touch nothing; "
                     "=probe also takes one step, for its seconds and its peak of memory",
             .common = true});
}

}  // namespace draftp
