// The example of docs/add_a_reward.md: how much neighbours differ. Compiled and tested, not
// registered.
#ifndef DRAFTP_REWARD_SHARPNESS_EXAMPLE_H_
#define DRAFTP_REWARD_SHARPNESS_EXAMPLE_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/io/config_checks.h"
#include "draftp/io/json_file.h"
#include "draftp/objective/reward.h"
#include "draftp/reward/analytic_rewards.h"

namespace draftp {

// mean(((x(i, j + distance) - x(i, j)) / 255)^2) over rows, columns and channels: 0 where a picture
// has no detail. draftp_reward.json: {"kind": "sharpness", "distance": 1}.
class SharpnessReward : public ImageReward<SharpnessReward> {
 public:
  // In pixels, at least 1.
  explicit SharpnessReward(int64_t distance) : distance_(distance) {}

  static absl::StatusOr<SharpnessReward> FromJson(JsonReader json) {
    const int64_t distance = json.IntBetween("distance", 1, 64, 1);
    if (absl::Status status = Finish(json); !status.ok()) return status;
    return SharpnessReward(distance);
  }

  // Images [B,3,H,W] in [0,255], W > distance -> [B].
  at::Tensor Rate(const at::Tensor& images) const {
    const int64_t pairs = images.size(3) - distance_;
    TORCH_CHECK(pairs > 0, "pictures ", images.size(3), " wide have no pixels ", distance_,
                " apart");
    const at::Tensor difference =
        (images.narrow(3, distance_, pairs) - images.narrow(3, 0, pairs)) / 255.0;
    return difference.square().mean({1, 2, 3});
  }

  std::string name() const { return "Sharpness" + std::to_string(distance_); }

 private:
  int64_t distance_;
};

static_assert(CaptionedReward<SharpnessReward>, "SharpnessReward is a reward");

}  // namespace draftp

#endif  // DRAFTP_REWARD_SHARPNESS_EXAMPLE_H_
