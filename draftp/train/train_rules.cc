// What becomes of the original's keys that have no row.
#include <string>
#include <utility>
#include <vector>

#include "draftp/config/config_schema.h"
#include "draftp/sdxl/sampling_config.h"
#include "draftp/train/train_table.h"

namespace draftp {

void AddTrainRules(ConfigTable<TrainConfig>& table) {
  using Kind = ConfigRule::Kind;
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
  table.Rule({Kind::kOnly,
              {"exp_manager.create_wandb_logger"},
              "nothing is sent anywhere: read log.jsonl, report.html or the TensorBoard events in "
              "--output_dir",
              {"False", "false", "FALSE"}});
  refuse({"rm.trainer.devices"}, "the reward runs where the run does: --device");
  table.Rule({Kind::kOnly, {SamplingKey("thresholder")}, "nothing is thresholded", {"None"}});
  table.Rule({Kind::kOnly,
              {SamplingKey("img2img_strength")},
              "every run starts from noise",
              {"1", "1.0"}});
  table.Rule({Kind::kOnly,
              {"model.peft.lora_tuning.adapter_dropout"},
              "the adapter has no dropout",
              {"0", "0.0"}});
  ignore({"trainer.draftp_sd.max_epochs", "trainer.draftp_sd.limit_val_batches"},
         "--max_steps and --validation_images say it");
  ignore({"trainer.*", "exp_manager.*", "wandb_logger_kwargs.*", "name"},
         "it is the original's framework's");
  ignore({"model.fsdp_set_buffer_dtype", "model.fsdp_*"},
         "weights are gathered in the network's dtype, gradients summed in float32");
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

}  // namespace draftp
