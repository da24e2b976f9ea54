// Ways to blend a base model with what was fine-tuned: the concept Blending, and the member chosen
// at run time.
#ifndef DRAFTP_SAMPLING_BLENDING_H_
#define DRAFTP_SAMPLING_BLENDING_H_

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "draftp/schedule/step_context.h"

namespace draftp {

// Models of a blend: 0 the base model, j the one with adapter j (or the one fine-tuned model), and
// the one that has all adapters at once, each with a scale.
inline constexpr int kBaseModel = 0;
inline constexpr int kScaledAdapters = -1;

// A model that a step evaluates.
struct BlendPart {
  int model;
  double weight;                        // of its estimate, where the step is linear
  std::optional<double> guidance = {};  // a guidance scale of its own

  friend bool operator==(const BlendPart&, const BlendPart&) = default;
};

// What a step evaluates, each model once, the base first.
struct BlendStep {
  std::vector<BlendPart> parts;  // not empty
  // D = sum_j weight_j D_j. Else the parts are the base and one tuned model, and D is
  // Combine(step, D_base, D_tuned - D_base).
  bool linear = true;
  // Of a part kScaledAdapters: W = W_base + sum_j scales_j dW_j, one for each adapter.
  std::vector<double> scales = {};

  friend bool operator==(const BlendStep&, const BlendStep&) = default;
};

// b.At(step): what the step evaluates. Its weights are finite and, where it is linear, add up to 1.
//   What has no share in the estimate isn't in it. A function of the step alone: no state, and the
//   same for all images, whatever the batch or rank.
// b.name(): canonical text, which reads back (parse_blending.h).
// b.adapters(): of how many fine-tuned models it is; 0: whatever there are, for it needs none.
// Where it has steps that aren't linear:
// b.Combine(step, base, delta): D [B,C,h,w] of D_base and D_tuned - D_base, which it leaves as they
//   are; each image's by its own values; on their device, without waiting for it.
// Where it has parts kScaledAdapters:
// b.scales_change(): whether their scales differ between steps.
// Where parts have a guidance scale of their own:
// b.guidance(): that.
template <class B>
concept Blending = requires(const B& b, const StepContext& step) {
  { b.At(step) } -> std::same_as<BlendStep>;
  { b.name() } -> std::convertible_to<std::string>;
  { b.adapters() } -> std::same_as<int>;
};

template <class B>
concept CombinesEstimates = requires(const B& b, const StepContext& step, const at::Tensor& x) {
  { b.Combine(step, x, x) } -> std::same_as<at::Tensor>;
};

template <class B>
concept ScalesAdapters = requires(const B& b) {
  { b.scales_change() } -> std::same_as<bool>;
};

template <class B>
concept HasOwnGuidance = requires(const B& b) {
  { b.guidance() } -> std::same_as<double>;
};

// Any member; copyable, thread-compatible. Two are equal if their names are.
class AnyBlending {
 public:
  template <Blending B>
  requires(!std::same_as<B, AnyBlending>)
  AnyBlending(B member)  // NOLINT
      : held_(std::make_shared<Held<B>>(std::move(member))) {}

  BlendStep At(const StepContext& step) const { return held_->At(step); }
  at::Tensor Combine(const StepContext& step, const at::Tensor& base,
                     const at::Tensor& delta) const {
    return held_->Combine(step, base, delta);
  }
  std::string name() const { return held_->name(); }
  int adapters() const { return held_->adapters(); }
  // Whether it scales adapters in one model, and whether by other scales in other steps.
  bool scales_adapters() const { return held_->scales_adapters(); }
  bool scales_change() const { return held_->scales_change(); }
  // Whether parts have a guidance scale of their own that guides.
  bool guides_itself() const { return held_->guides_itself(); }

  friend bool operator==(const AnyBlending& a, const AnyBlending& b) {
    return a.name() == b.name();
  }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual BlendStep At(const StepContext& step) const = 0;
    virtual at::Tensor Combine(const StepContext& step, const at::Tensor& base,
                               const at::Tensor& delta) const = 0;
    virtual std::string name() const = 0;
    virtual int adapters() const = 0;
    virtual bool scales_adapters() const = 0;
    virtual bool scales_change() const = 0;
    virtual bool guides_itself() const = 0;
  };
  template <class B>
  struct Held final : Interface {
    explicit Held(B b) : member(std::move(b)) {}
    BlendStep At(const StepContext& step) const override { return member.At(step); }
    at::Tensor Combine([[maybe_unused]] const StepContext& step, const at::Tensor& base,
                       [[maybe_unused]] const at::Tensor& delta) const override {
      if constexpr (CombinesEstimates<B>) return member.Combine(step, base, delta);
      return base;  // all steps are linear
    }
    std::string name() const override { return member.name(); }
    int adapters() const override { return member.adapters(); }
    bool scales_adapters() const override { return ScalesAdapters<B>; }
    bool scales_change() const override {
      if constexpr (ScalesAdapters<B>) return member.scales_change();
      return false;
    }
    bool guides_itself() const override {
      if constexpr (HasOwnGuidance<B>) return member.guidance() != 1.0;
      return false;
    }
    B member;
  };

  std::shared_ptr<const Interface> held_;
};

static_assert(Blending<AnyBlending>, "AnyBlending is itself a way to blend");

// Whether the step evaluates the base model, or what was fine-tuned.
inline bool Evaluates(const BlendStep& step, bool fine_tuned) {
  return std::ranges::any_of(
      step.parts, [&](const BlendPart& part) { return (part.model != kBaseModel) == fine_tuned; });
}

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_BLENDING_H_
