// Draws batches: conditioning to latents under a blend, latents to pictures.
#ifndef DRAFTP_ANNEAL_IMAGE_DRAWER_H_
#define DRAFTP_ANNEAL_IMAGE_DRAWER_H_

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "draftp/anneal/anneal_plan.h"
#include "draftp/io/png.h"
#include "draftp/sdxl/conditioner.h"
#include "draftp/sdxl/drawer.h"
#include "draftp/sdxl/sdxl_model.h"
#include "draftp/shard/world.h"

namespace draftp {

// Seconds by phase.
struct DrawTimings {
  double encode = 0, sample = 0, decode = 0;
};

// Pictures that are decoded at a time. The decoder's activations at full resolution are what costs
// memory: never more than those of half a picture of 1024x1024, or of one picture, in bands
// (model/banded_blocks.h). A CPU is busy with one.
int64_t DecodedAtOnce(ImageSize size, bool is_cuda);

// What stays the same over a run: model, schedule, guider, sampler. The model must outlive it.
class ImageDrawer {
 public:
  struct Options {
    ImageSize size;  // pixels, multiples of the decoder's factor
    std::string negative_prompt;
    std::function<void(const std::string&)> warn;  // a line for each caption that was cut
    std::function<void(int64_t units)> on_work;    // models times images, after every step
    World* pair = nullptr;                         // see DrawSettings
    // A line where the decoder overflows for the first time.
    std::function<void(const std::string&)> warn_of_decoder = [](const std::string&) {};
  };

  ImageDrawer(const SdxlModel& model, const AnnealPlan& plan, NoiseSchedule schedule,
              Options options);

  // Encodes the captions of the next batch, one an image.
  absl::Status SetCaptions(const std::vector<std::string>& captions);

  // Final latents [B,4,h,w] f32 of the batch under a blend. DataLoss if they aren't finite,
  // with the reason (find_nonfinite.h); of a pair the first rank looks.
  absl::StatusOr<at::Tensor> Latents(const Blend& blend, AnyNoise& noise);

  // Pictures of latents [B,4,h,w]. DataLoss likewise. Where a decoder's float16 products overflow,
  // these pictures are decoded again with float32 weights, of which the first says so.
  absl::StatusOr<std::vector<RgbImage>> Pictures(const at::Tensor& latents);

  // Shape of a batch's starting noise.
  std::vector<int64_t> NoiseShape(int64_t batch) const {
    return LatentShape(model_, options_.size, batch);
  }

  const DrawTimings& timings() const { return timings_; }
  int64_t network_rows() const { return drawer_.network_rows(); }

 private:
  bool IsPartner() const { return options_.pair != nullptr && !options_.pair->first(); }
  bool AreFinite(const at::Tensor& latents) const;
  at::Tensor DecodedUnpacked(const at::Tensor& latents);

  const SdxlModel& model_;
  NoiseSchedule schedule_;
  Options options_;
  Conditioner conditioner_;
  Drawer drawer_;
  std::optional<VaeDecoder> unpacked_vae_;  // once a picture has needed it
  int64_t batch_ = 0;
  DrawTimings timings_;
};

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_IMAGE_DRAWER_H_
