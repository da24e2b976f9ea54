#include "draftp/sdxl/drawer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "draftp/kernels/rgb8.h"
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
               DrawSettings settings, AnyPiecePolicy pieces)
    : model_(model),
      vae_(vae),
      settings_(std::move(settings)),
      tuned_models_(static_cast<int>(networks.size()) - kTunedNetwork),
      predictor_(std::move(networks), {.unet = {.pieces = std::move(pieces)},
                                       // A graph holds the scales that it was captured with.
                                       .capture = !settings_.weighs_adapters}) {}

void Drawer::SetConditions(const Conditions& conditions) {
  const at::NoGradGuard no_grad;
  batch_ = conditions.conditional.context.size(0);
  predictor_.SetConditioning(conditions.unconditional, conditions.conditional, conditions.own);
}

at::Tensor Drawer::Latents(const std::vector<AnyWeighing>& weights, AnyNoise& noise,
                           const std::function<void(const DenoiserCall&)>& observe) {
  const at::NoGradGuard no_grad;
  using Shared = ModelPair<SdxlPredictor>;
  using SharedDenoiser = MixtureDenoiser<Shared, AnyPreconditioning, AnyGuider>;
  Shared predictor(predictor_, settings_.pair);
  const at::Tensor start = StartNoise(model_, settings_.size, batch_, noise);
  const auto run = [&](auto& denoiser) {
    return RunTrajectory(settings_.schedule.sigmas, denoiser, settings_.sampler, InferenceOnly(),
                         start, noise, observe);
  };
  if (settings_.weighs_adapters) {
    SharedDenoiser tuned(predictor, settings_.preconditioning, {kTunedNetwork, settings_.guider});
    AdapterScaleDenoiser denoiser(tuned, predictor_.adapters(), weights, settings_.schedule.table);
    return run(denoiser);
  }
  std::vector<SharedDenoiser::Member> tuned;
  for (int j = 0; j < std::min(tuned_models_, static_cast<int>(weights.size())); ++j)
    tuned.push_back({kTunedNetwork + j, weights[j], settings_.guider});
  SharedDenoiser denoiser(predictor, settings_.preconditioning, {kBaseNetwork, settings_.guider},
                          std::move(tuned));
  return run(denoiser);
}

at::Tensor Drawer::Raw(const at::Tensor& latents) const {
  const at::NoGradGuard no_grad;
  return DecodeRaw(vae_, UnscaleLatents(latents.to(vae_.device()), vae_.config));
}

RgbImage Drawer::Picture(const at::Tensor& raw) {
  const at::Tensor rgb = Rgb8(raw).cpu();  // [1,H,W,3]
  RgbImage picture{static_cast<int>(rgb.size(2)), static_cast<int>(rgb.size(1)), {}};
  const uint8_t* bytes = rgb.const_data_ptr<uint8_t>();
  picture.pixels.assign(bytes, bytes + rgb.numel());
  return picture;
}

}  // namespace draftp
