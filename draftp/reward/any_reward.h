// AnyReward: a reward chosen at run time.
#ifndef DRAFTP_REWARD_ANY_REWARD_H_
#define DRAFTP_REWARD_ANY_REWARD_H_

#include <ATen/core/Tensor.h>

#include <concepts>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/statusor.h"
#include "draftp/objective/reward.h"
#include "draftp/reward/clip_reward.h"

namespace draftp {

// Holds any CaptionedReward; copies share it.
//
//   AnyReward reward = BrightnessReward();
//   absl::StatusOr<AnyReward> loaded = AnyReward::Load("pickscore", options);
class AnyReward {
 public:
  // R must be a CaptionedReward. (Not a constraint: that of AnyReward itself would ask itself.)
  template <class R>
  requires(!std::same_as<std::remove_cvref_t<R>, AnyReward>)
  AnyReward(R reward)  // NOLINT
      : held_(std::make_shared<const Holder<R>>(std::move(reward))) {}

  // The reward whose files lie at `path`, a folder or a file. draftp_reward.json there names its
  // kind, one of kRewardKinds (reward_kinds.h, whose target this needs); without one it is a
  // ClipReward, whose layout says which.
  static absl::StatusOr<AnyReward> Load(const std::string& path, const ClipRewardOptions& options);

  // As CaptionedReward has them.
  at::Tensor operator()(const at::Tensor& images, std::span<const std::string> captions) const {
    return Score(images, EncodeCaptions(captions));
  }
  at::Tensor EncodeCaptions(std::span<const std::string> captions) const {
    return held_->EncodeCaptions(captions);
  }
  at::Tensor Score(const at::Tensor& images, const at::Tensor& text) const {
    return held_->Score(images, text);
  }
  std::string name() const { return held_->name(); }

  // What it holds, or null where that is another type.
  template <class R>
  const R* As() const {
    const auto* holder = dynamic_cast<const Holder<R>*>(held_.get());
    return holder == nullptr ? nullptr : &holder->reward;
  }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual at::Tensor EncodeCaptions(std::span<const std::string> captions) const = 0;
    virtual at::Tensor Score(const at::Tensor& images, const at::Tensor& text) const = 0;
    virtual std::string name() const = 0;
  };

  template <class R>
  struct Holder final : Interface {
    static_assert(CaptionedReward<R>, "AnyReward holds what models CaptionedReward");
    explicit Holder(R r) : reward(std::move(r)) {}
    at::Tensor EncodeCaptions(std::span<const std::string> captions) const override {
      return reward.EncodeCaptions(captions);
    }
    at::Tensor Score(const at::Tensor& images, const at::Tensor& text) const override {
      return reward.Score(images, text);
    }
    std::string name() const override { return reward.name(); }
    R reward;
  };

  std::shared_ptr<const Interface> held_;
};

static_assert(CaptionedReward<AnyReward>, "AnyReward is itself a reward");

}  // namespace draftp

#endif  // DRAFTP_REWARD_ANY_REWARD_H_
