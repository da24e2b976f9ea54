#include "draftp/anneal/image_drawer.h"

#include <ATen/ops/isfinite.h>
#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "draftp/model/half_decoder.h"
#include "draftp/run/progress.h"
#include "draftp/sampling/tap.h"
#include "draftp/sdxl/find_nonfinite.h"

namespace draftp {
namespace {

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

bool IsFinite(const at::Tensor& x) { return at::isfinite(x).all().item<bool>(); }

}  // namespace

int64_t DecodedAtOnce(ImageSize size, bool is_cuda) {
  return is_cuda ? std::max<int64_t>((1 << 19) / (size.width * size.height), 1) : 1;
}

ImageDrawer::ImageDrawer(const SdxlModel& model, const AnnealPlan& plan, NoiseSchedule schedule,
                         Options options)
    : model_(model),
      schedule_(std::move(schedule)),
      options_(std::move(options)),
      conditioner_(model, {.size = options_.size,
                           .negative_prompt = options_.negative_prompt,
                           .warn = options_.warn}),
      drawer_(model, model.Networks(), model.vae,
              {.size = options_.size,
               .guider = plan.guider,
               .sampler = plan.sampler,
               .schedule = schedule_,
               .preconditioning = {model.scheduler.prediction_type, schedule_.table},
               .scaled_network = model.ScaledNetwork(),
               .pair = options_.pair},
              model.unet_pieces) {}

absl::Status ImageDrawer::SetCaptions(const std::vector<std::string>& captions) {
  const Stopwatch watch(timings_.encode);
  const auto conditions = conditioner_(captions);
  if (!conditions.ok()) return conditions.status();
  batch_ = static_cast<int64_t>(captions.size());
  drawer_.SetConditions(*conditions);
  return absl::OkStatus();
}

bool ImageDrawer::AreFinite(const at::Tensor& latents) const {
  std::optional<World::Waiting> waiting;  // on a GPU for what the other rank computes
  if (options_.pair != nullptr) waiting.emplace(*options_.pair, "the sampling of pictures");
  return IsFinite(latents);
}

absl::StatusOr<at::Tensor> ImageDrawer::Latents(const Blend& blend, AnyNoise& noise) {
  const Stopwatch watch(timings_.sample);
  at::Tensor latents = drawer_.Latents(blend.blending, noise, [&](const DenoiserCall& call) {
    if (call.evaluation == 0)
      options_.on_work(blend.Evaluations(schedule_.Step(call.step.index)) * batch_);
  });
  if (!IsPartner() && !AreFinite(latents)) {
    return absl::DataLossError(absl::StrCat(
        "weight type ", blend.text,
        ": the sampled latents hold NaN or infinity: ", WhyLatentsAreNotFinite(model_)));
  }
  return latents;
}

at::Tensor ImageDrawer::DecodedUnpacked(const at::Tensor& latents) {
  if (!unpacked_vae_) {
    options_.warn_of_decoder(
        "a picture overflowed in the decoder's float16 products and was decoded again in tf32; "
        "--decoder tf32 does so at once");
    unpacked_vae_ = WithoutHalfProducts(model_.vae);
  }
  return drawer_.RawBy(*unpacked_vae_, latents);
}

absl::StatusOr<std::vector<RgbImage>> ImageDrawer::Pictures(const at::Tensor& latents) {
  const Stopwatch watch(timings_.decode);
  std::vector<RgbImage> pictures;
  const int64_t at_once = DecodedAtOnce(options_.size, latents.is_cuda());
  for (const at::Tensor& some : latents.split(at_once)) {
    at::Tensor raw = drawer_.Raw(some);
    bool finite = IsFinite(raw);
    if (!finite && HasHalfProducts(model_.vae)) {
      raw = DecodedUnpacked(some);
      finite = IsFinite(raw);
    }
    if (!finite) {
      return absl::DataLossError(absl::StrCat("the decoded pictures hold NaN or infinity: ",
                                              WhyPicturesAreNotFinite(model_)));
    }
    for (RgbImage& picture : Drawer::Pictures(raw)) pictures.push_back(std::move(picture));
  }
  return pictures;
}

}  // namespace draftp
