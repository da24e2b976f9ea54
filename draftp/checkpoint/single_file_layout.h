// The layout of SDXL's single files: all parts in one .safetensors, as Stability published it and
// ComfyUI, A1111 and kohya's scripts write it.
#ifndef DRAFTP_CHECKPOINT_SINGLE_FILE_LAYOUT_H_
#define DRAFTP_CHECKPOINT_SINGLE_FILE_LAYOUT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/layout.h"
#include "draftp/checkpoint/weight_map.h"

namespace draftp {

// model.diffusion_model.* (or diffusion_model.*, or bare, in files of a UNet alone),
// first_stage_model.* (or vae.*, or bare ldm names, in files of a VAE alone),
// conditioner.embedders.0.transformer.text_model.* (CLIP-L),
// conditioner.embedders.1.model.* (OpenCLIP bigG). Pruned files have some of the parts; EMA weights
// kept beside (model_ema.*), buffers of the training and marks such as v_pred are left alone.
// Weights in fp8 may have scales beside them, as ComfyUI writes them (weight_scale or scale_weight,
// one number a layer): they are multiplied when they are taken.
struct SingleFileLayout {
  static constexpr char kExpected[] =
      "an SDXL in one file (model.diffusion_model.*, first_stage_model.*, conditioner.*)";
  // "__metadata__" of files that draftp's convert wrote: JSON, each part's config by the name of
  // its folder (unet, vae, text_encoder, text_encoder_2, scheduler, pipeline).
  static constexpr char kConfigKey[] = "draftp.config";

  static std::vector<ModelPart> Sees(const WeightMap& weights);
  static absl::StatusOr<std::vector<LayoutPart>> Parts(WeightMap weights);
  // The file's own metadata, or else its shapes and SDXL base's values.
  static absl::StatusOr<PartConfig> Config(const LayoutPart& part, const std::string& folder);
};

static_assert(Layout<SingleFileLayout>, "SingleFileLayout is a layout");

// What kConfigKey says of the whole, under "pipeline", in model_index.json's own keys
// (force_zeros_for_empty_prompt); empty where it says nothing.
absl::StatusOr<JsonReader> SingleFilePipeline(const WeightMap& weights);

// What a single file says of how its UNet was trained, as diffusers' scheduler_config.json: that of
// kConfigKey, or else SDXL base's betas with the marks v_pred and ztsnr, or with
// modelspec.prediction_type or modelspec.predict_key. EDM preconditioning (edm_mean, edm_vpred.*)
// is an error by name.
absl::StatusOr<JsonReader> SingleFileScheduler(const WeightMap& weights);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_SINGLE_FILE_LAYOUT_H_
