// Rewards in closed form, for tests and examples: no network, no caption.
#ifndef DRAFTP_REWARD_ANALYTIC_REWARDS_H_
#define DRAFTP_REWARD_ANALYTIC_REWARDS_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/io/config_checks.h"
#include "draftp/io/json_file.h"
#include "draftp/objective/reward.h"

namespace draftp {

// Base of rewards that look at the image alone: R::Rate(images) -> [B], images in float32 or
// float64.
template <class R>
class ImageReward {
 public:
  // [B,0]: captions don't count.
  at::Tensor EncodeCaptions(std::span<const std::string> captions) const {
    return at::empty({static_cast<int64_t>(captions.size()), 0}, at::kFloat);
  }

  // Images [B,3,H,W] in [0,255] -> [B] float32, or float64 where images are.
  at::Tensor Score(const at::Tensor& images, const at::Tensor& text) const {
    TORCH_CHECK(images.dim() == 4 && images.size(1) == 3 && text.size(0) == images.size(0),
                "expected images [B,3,H,W] and as many captions, got ", images.sizes(), " and ",
                text.size(0));
    return static_cast<const R&>(*this).Rate(
        images.scalar_type() == at::kDouble ? images : images.to(at::kFloat));
  }

  at::Tensor operator()(const at::Tensor& images, std::span<const std::string> captions) const {
    return Score(images, EncodeCaptions(captions));
  }
};

// Mean of all values / 255: 0 is black, 1 white.
// draftp_reward.json: {"kind": "brightness"}.
class BrightnessReward : public ImageReward<BrightnessReward> {
 public:
  static absl::StatusOr<BrightnessReward> FromJson(JsonReader json) {
    if (absl::Status status = Finish(json); !status.ok()) return status;
    return BrightnessReward();
  }

  at::Tensor Rate(const at::Tensor& images) const { return images.mean({1, 2, 3}) / 255.0; }
  std::string name() const { return "Brightness"; }
};

static_assert(CaptionedReward<BrightnessReward>, "BrightnessReward is a reward");

// -mean(((image - colour) / 255)^2): 0 where every pixel has the colour, smooth and concave.
// draftp_reward.json: {"kind": "target_colour", "colour": [255, 0, 0]}.
class TargetColourReward : public ImageReward<TargetColourReward> {
 public:
  // Red, green, blue in [0,255].
  explicit TargetColourReward(const std::array<double, 3>& colour) : colour_(colour) {}

  static absl::StatusOr<TargetColourReward> FromJson(JsonReader json) {
    const std::vector<double> rgb = json.DoubleList("colour");
    bool valid = rgb.size() == 3;
    for (const double value : rgb) valid = valid && value >= 0 && value <= 255;
    if (!valid) json.Fail("colour", "expected red, green and blue between 0 and 255");
    if (absl::Status status = Finish(json); !status.ok()) return status;
    return TargetColourReward({rgb[0], rgb[1], rgb[2]});
  }

  at::Tensor Rate(const at::Tensor& images) const {
    at::Tensor sum;  // [B]
    for (int64_t c = 0; c < 3; ++c) {
      const at::Tensor off = (images.select(1, c) - colour_[static_cast<size_t>(c)]) / 255.0;
      const at::Tensor squares = off.square().mean({1, 2});
      sum = c == 0 ? squares : sum + squares;
    }
    return sum / -3.0;
  }
  std::string name() const { return "TargetColour"; }

 private:
  std::array<double, 3> colour_;
};

static_assert(CaptionedReward<TargetColourReward>, "TargetColourReward is a reward");

}  // namespace draftp

#endif  // DRAFTP_REWARD_ANALYTIC_REWARDS_H_
