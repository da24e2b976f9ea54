#include "draftp/anneal/image_drawer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>
#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <utility>

#include "draftp/kernels/rgb8.h"
#include "draftp/model/conditioning.h"
#include "draftp/model/vae_decoder.h"
#include "draftp/run/progress.h"
#include "draftp/sampling/gradient_window.h"
#include "draftp/sampling/mixture_denoiser.h"
#include "draftp/sampling/tap.h"
#include "draftp/sampling/trajectory.h"
#include "draftp/sdxl/find_nonfinite.h"

namespace draftp {
namespace {

constexpr int kBaseModel = 0;
constexpr int kTunedModel = 1;

// Adds the time between its construction and its end to a sum.
class Stopwatch {
 public:
  explicit Stopwatch(double& sum) : sum_(sum), begin_(Progress::WallSeconds()) {}
  ~Stopwatch() { sum_ += Progress::WallSeconds() - begin_; }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& sum_;
  double begin_;
};

using SdxlDenoiser = MixtureDenoiser<SdxlPredictor, AnyPreconditioning, AnyGuider>;

}  // namespace

ImageDrawer::ImageDrawer(const SdxlModel& model, const AnnealPlan& plan, NoiseSchedule schedule,
                         Options options)
    : model_(model),
      plan_(plan),
      schedule_(std::move(schedule)),
      options_(std::move(options)),
      preconditioning_(model.scheduler.prediction_type, schedule_.table),
      predictor_(model.Networks()) {
  const bool encode_empty = !model.config.force_zeros_for_empty_prompt;
  if (encode_empty || !options_.negative_prompt.empty()) {
    negative_ids_ = Tokenize(model_, {options_.negative_prompt}, options_.warn);
  }
}

absl::Status ImageDrawer::SetCaptions(const std::vector<std::string>& captions) {
  const Stopwatch watch(timings_.encode);
  const at::NoGradGuard no_grad;
  const ImageSize size{options_.height, options_.width};
  auto conditional =
      EncodePrompts(model_.text_encoders, Tokenize(model_, captions, options_.warn), size, size);
  if (!conditional.ok()) return conditional.status();
  auto unconditional = EncodeUnconditional(model_.text_encoders, negative_ids_, *conditional);
  if (!unconditional.ok()) return unconditional.status();
  batch_ = static_cast<int64_t>(captions.size());
  predictor_.SetConditioning(*std::move(unconditional), *std::move(conditional));
  return absl::OkStatus();
}

std::vector<int64_t> ImageDrawer::NoiseShape(int64_t batch) const {
  const int64_t factor = model_.vae.config.Downsampling();
  return {batch, model_.unet.config.in_channels, options_.height / factor, options_.width / factor};
}

absl::StatusOr<at::Tensor> ImageDrawer::Latents(const WeightType& type, AnyNoise& noise) {
  const Stopwatch watch(timings_.sample);
  const at::NoGradGuard no_grad;
  const bool tuned = model_.Networks().size() > kTunedModel;
  SdxlDenoiser denoiser(
      predictor_, preconditioning_, {kBaseModel, plan_.guider},
      tuned ? std::vector<SdxlDenoiser::Member>{{kTunedModel, type.weighing, plan_.guider}}
            : std::vector<SdxlDenoiser::Member>{});
  const auto progress = [&](const DenoiserCall& call) {
    if (call.evaluation == 0)
      options_.on_work(ModelsInStep(type.weighing, schedule_.Step(call.step.index)) * batch_);
  };
  const at::Tensor start = noise.Initial(NoiseShape(batch_)).to(model_.unet.placement().device);
  at::Tensor latents = RunTrajectory(schedule_.sigmas, denoiser, plan_.sampler, InferenceOnly(),
                                     start, noise, progress);
  if (!at::isfinite(latents).all().item<bool>()) {
    return absl::DataLossError(absl::StrCat(
        "weight type ", type.text,
        ": the sampled latents hold NaN or infinity: ", WhyLatentsAreNotFinite(model_)));
  }
  return latents;
}

absl::StatusOr<std::vector<RgbImage>> ImageDrawer::Pictures(const at::Tensor& latents) {
  const Stopwatch watch(timings_.decode);
  const at::NoGradGuard no_grad;
  std::vector<RgbImage> pictures;
  // One at a time: the decoder's activations at full resolution are what costs memory.
  for (int64_t b = 0; b < latents.size(0); ++b) {
    const at::Tensor raw =
        DecodeRaw(model_.vae, UnscaleLatents(latents.narrow(0, b, 1), model_.vae.config));
    if (!at::isfinite(raw).all().item<bool>()) {
      return absl::DataLossError(absl::StrCat("the decoded pictures hold NaN or infinity: ",
                                              WhyPicturesAreNotFinite(model_)));
    }
    const at::Tensor rgb = Rgb8(raw).cpu();  // [1,H,W,3]
    RgbImage picture{static_cast<int>(rgb.size(2)), static_cast<int>(rgb.size(1)), {}};
    const uint8_t* bytes = rgb.const_data_ptr<uint8_t>();
    picture.pixels.assign(bytes, bytes + rgb.numel());
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

}  // namespace draftp
