#include "draftp/sdxl/drawer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "draftp/kernels/rgb8.h"
#include "draftp/model/banded_blocks.h"
#include "draftp/sampling/blend_denoiser.h"
#include "draftp/sampling/gradient_window.h"
#include "draftp/sampling/trajectory.h"
#include "draftp/sdxl/adapter_scale_denoiser.h"
#include "draftp/shard/model_pair.h"

namespace draftp {

std::vector<int64_t> LatentShape(const SdxlModel& model, ImageSize size, int64_t images) {
  const int64_t factor = model.vae.config.Downsampling();
  return {images, model.unet.config.in_channels, size.height / factor, size.width / factor};
}

DecodedImage SdxlDecoder::operator()(const at::Tensor& latents) const {
  const at::Tensor raw =
      DecodeRaw(*vae, UnscaleLatents(latents.to(vae->device()), vae->config), {.pieces = pieces});
  return {ToPixels(raw), raw.detach().abs().gt(1.0).to(at::kFloat).mean()};
}

Drawer::Drawer(const SdxlModel& model, std::vector<SdxlNetwork> networks, const VaeDecoder& vae,
               DrawSettings settings, AnyPiecePolicy pieces, AnyPiecePolicy decoder_pieces)
    : model_(model),
      vae_(vae),
      settings_(std::move(settings)),
      decoder_pieces_(std::move(decoder_pieces)),
      predictor_(std::move(networks), {.unet = {.pieces = std::move(pieces)}}) {}

void Drawer::SetConditions(const Conditions& conditions) {
  const at::NoGradGuard no_grad;
  batch_ = conditions.conditional.context.size(0);
  predictor_.SetConditioning(conditions.unconditional, conditions.conditional, conditions.own);
}

at::Tensor Drawer::Latents(const AnyBlending& blending, AnyNoise& noise,
                           const std::function<void(const DenoiserCall&)>& observe) {
  const at::NoGradGuard no_grad;
  // A graph holds the scales that it was captured with.
  predictor_.set_capture(!blending.scales_change());
  ModelPair<SdxlPredictor> predictor(predictor_, settings_.pair);
  const at::Tensor start = StartNoise(model_, settings_.size, batch_, noise);
  BlendDenoiser blended(predictor, settings_.preconditioning, settings_.guider, blending,
                        settings_.scaled_network);
  AdapterScaleDenoiser denoiser(blended, predictor_.adapters(), blending, settings_.schedule.table);
  return RunTrajectory(settings_.schedule.sigmas, denoiser, settings_.sampler, InferenceOnly(),
                       start, noise, observe);
}

at::Tensor Drawer::RawBy(const VaeDecoder& vae, const at::Tensor& latents) const {
  const at::NoGradGuard no_grad;
  // A CPU's packed kernels keep little between layers as they are.
  const int64_t band = vae.device().is_cuda() ? kDecodedBand : 0;
  return DecodeRaw(vae, UnscaleLatents(latents.to(vae.device()), vae.config),
                   {.pieces = decoder_pieces_, .band = band});
}

std::vector<RgbImage> Drawer::Pictures(const at::Tensor& raw) {
  const at::Tensor rgb = Rgb8(raw).cpu();  // [B,H,W,3]
  const int64_t size = rgb.numel() / std::max<int64_t>(rgb.size(0), 1);
  const uint8_t* bytes = rgb.const_data_ptr<uint8_t>();
  std::vector<RgbImage> pictures;
  for (int64_t b = 0; b < rgb.size(0); ++b, bytes += size) {
    pictures.push_back({static_cast<int>(rgb.size(2)), static_cast<int>(rgb.size(1)),
                        std::vector<uint8_t>(bytes, bytes + size)});
  }
  return pictures;
}

}  // namespace draftp
