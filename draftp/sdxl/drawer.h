// The one way to draw with SDXL: conditions and noise to latents, latents to pixels and bytes.
#ifndef DRAFTP_SDXL_DRAWER_H_
#define DRAFTP_SDXL_DRAWER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "draftp/io/png.h"
#include "draftp/model/vae_decoder.h"
#include "draftp/objective/decoder.h"
#include "draftp/sampling/any_guider.h"
#include "draftp/sampling/any_noise.h"
#include "draftp/sampling/any_sampler.h"
#include "draftp/sampling/blending.h"
#include "draftp/sampling/mixture_denoiser.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/sampling/piece_policy.h"
#include "draftp/sampling/tap.h"
#include "draftp/schedule/noise_levels.h"
#include "draftp/sdxl/any_preconditioning.h"
#include "draftp/sdxl/conditioner.h"
#include "draftp/sdxl/sdxl_model.h"
#include "draftp/sdxl/sdxl_predictor.h"

namespace draftp {

class World;

using SdxlDenoiser = MixtureDenoiser<SdxlPredictor, AnyPreconditioning, AnyGuider>;

// Shape [images,4,H/8,W/8] of latents of `size` pixels.
std::vector<int64_t> LatentShape(const SdxlModel& model, ImageSize size, int64_t images);

// Starting noise [images,4,h,w] on the model's device, float32 (float64 for a float64 model).
template <NoiseSource N>
at::Tensor StartNoise(const SdxlModel& model, ImageSize size, int64_t images, N& noise) {
  const Placement placement = model.unet.placement();
  return noise.Initial(LatentShape(model, size, images))
      .to(placement.device, placement.dtype == at::kDouble ? at::kDouble : at::kFloat);
}

// SDXL's member of Decoder, on the VAE's device. The VAE must outlive it and the backward pass.
struct SdxlDecoder {
  const VaeDecoder* vae;
  AnyPiecePolicy pieces = {};

  DecodedImage operator()(const at::Tensor& latents) const;
};

static_assert(Decoder<SdxlDecoder>, "SdxlDecoder does not satisfy Decoder");

// What stays the same over a run.
struct DrawSettings {
  ImageSize size;  // pixels, multiples of the decoder's factor
  AnyGuider guider;
  AnySampler sampler;
  NoiseSchedule schedule;
  AnyPreconditioning preconditioning;
  // Among the networks the one that carries all adapters, for kScaledAdapters; below 0: none.
  int scaled_network = -1;
  // Two ranks that draw each batch together (model_pair.h), not owned; null: this one alone.
  World* pair = nullptr;
};

// Without gradient, a batch after the other. The model must outlive it.
class Drawer {
 public:
  // `networks`: the base model's and the tuned models'; `vae` decodes. `pieces`: of the networks,
  // where their weights don't stay; `decoder_pieces`: of the decoder, likewise.
  Drawer(const SdxlModel& model, std::vector<SdxlNetwork> networks, const VaeDecoder& vae,
         DrawSettings settings, AnyPiecePolicy pieces = {}, AnyPiecePolicy decoder_pieces = {});

  // What conditions the next batch, a row an image.
  void SetConditions(const Conditions& conditions);

  // Final latents [B,4,h,w] f32 of the batch, blended so; `observe` sees every evaluation. The
  // ranks of a pair call it with the same, and each has the latents.
  at::Tensor Latents(const AnyBlending& blending, AnyNoise& noise,
                     const std::function<void(const DenoiserCall&)>& observe);

  // What latents [B,4,h,w] decode to: [B,3,H,W] f32, values nominally in [-1,1].
  at::Tensor Raw(const at::Tensor& latents) const { return RawBy(vae_, latents); }
  // The same by another decoder of its kind.
  at::Tensor RawBy(const VaeDecoder& vae, const at::Tensor& latents) const;
  // Its bytes (kernels/rgb8.h), a picture a row.
  static std::vector<RgbImage> Pictures(const at::Tensor& raw);

  int64_t network_rows() const { return predictor_.network_rows(); }

 private:
  const SdxlModel& model_;
  const VaeDecoder& vae_;
  DrawSettings settings_;
  AnyPiecePolicy decoder_pieces_;
  SdxlPredictor predictor_;
  int64_t batch_ = 0;
};

}  // namespace draftp

#endif  // DRAFTP_SDXL_DRAWER_H_
