#include "draftp/anneal/anneal_model_rows.h"

#include <string>
#include <utility>

#include "draftp/anneal/lora_argument.h"
#include "draftp/config/config_row.h"
#include "draftp/config/config_schema.h"

namespace draftp {
namespace {

using Table = ConfigTable<AnnealConfig>;

constexpr double kLargestScale = 1000;

const char* DrawsBaseAlone(const AnnealConfig& config) {
  if (HaveOwnWeights(config)) return "";
  for (const std::string& type : config.weight_type) {
    if (type != "base") return "";
  }
  return "--weight_type base draws with the base model alone";
}

bool HasLora(const AnnealConfig& config) {
  return !config.lora.empty() || !config.explicit_log_dir.empty() || config.model.empty();
}

void AddAdapters(Table& table) {
  table
      .PathItems(
          &AnnealConfig::lora,
          {.key = "lora",
           .original_keys = {"model.peft.restore_from_path"},
           .value_name = "FILE|DIR[:T]",
           .help = "fine-tuned model as an adapter, a LoRA or another kind, of any program; typed "
                   "again, one more. T: its weight over the steps, a number or what --weight_type "
                   "takes, in the place of that; of several, 1 where none is typed",
           .default_text = "the embedded model's, without --model",
           .elsewhere = {"lora_weights", "adapter", "network_weights", "lora_path"},
           .common = true})
      .NoEffect(DrawsBaseAlone)
      .Number(&AnnealConfig::lora_scale, -kLargestScale, kLargestScale,
              {.key = "lora_scale",
               .value_name = "S",
               .help = "factor on each LoRA's change",
               .elsewhere = {"network_mul", "lora_weight", "lora_strength"},
               .common = true})
      .NoEffect(
          [](const AnnealConfig& c) { return HasLora(c) ? DrawsBaseAlone(c) : "there is no LoRA"; })
      .Choice(&AnnealConfig::dora_norm,
              {{kDoraNormChanged, {"lycoris", "peft"}}, {kDoraNormBase, {"comfyui"}}},
              {.key = "dora_norm",
               .value_name = "changed|base",
               .help = "by which norm a DoRA's rows are divided, which files don't say: that of "
                       "the changed weight (the paper, peft, LyCORIS) or of the base's (ComfyUI)"})
      .NoEffect([](const AnnealConfig& c) { return HasLora(c) ? "" : "there is no LoRA"; })
      .Choice(&AnnealConfig::blend, ChoicesNamed({kBlendPrediction, kBlendWeights}),
              {.key = "blend",
               .value_name = "NAME",
               .help = "what the weights behind --lora weigh: prediction (of a model with each "
                       "adapter, an evaluation a step for each and the base) or weights (of one "
                       "model with all of them, one evaluation a step)"})
      .NoEffect([](const AnnealConfig& c) {
        return HaveOwnWeights(c) ? "" : "no --lora has a weight of its own";
      });
}

void AddWholes(Table& table) {
  table
      .Path(&AnnealConfig::tuned, {.key = "tuned",
                                   .value_name = "DIR",
                                   .help = "fine-tuned model as a whole UNet, instead of a LoRA"})
      .NoEffect(DrawsBaseAlone)
      .Path(
          &AnnealConfig::explicit_log_dir,
          {.key = "explicit_log_dir",
           .original_keys = {"exp_manager.explicit_log_dir"},
           .value_name = "DIR",
           .help = "training run whose newest checkpoint is taken when neither --lora nor --tuned "
                   "is given"})
      .NoEffect([](const AnnealConfig& c) {
        return c.lora.empty() && c.tuned.empty() ? DrawsBaseAlone(c) : "--lora or --tuned is given";
      });
}

}  // namespace

void AddBaseModelRow(Table& table) {
  table.Group("Models").Path(
      &AnnealConfig::model,
      {.key = "model",
       .original_keys = {"model.unet_config.from_pretrained"},
       .value_name = "FILE|DIR",
       .help = "an SDXL: a single .safetensors file, or a folder in diffusers' layout",
       .default_text = "the embedded model",
       .elsewhere = {"pretrained_model_name_or_path", "model_id", "ckpt", "m"},
       .common = true});
}

void AddModelRows(Table& table) {
  AddBaseModelRow(table);
  AddAdapters(table);
  AddWholes(table);
}

}  // namespace draftp
