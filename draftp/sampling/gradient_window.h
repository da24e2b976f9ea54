// What autograd does in each step of a run: the concept GradientWindow and its plain members.
#ifndef DRAFTP_SAMPLING_GRADIENT_WINDOW_H_
#define DRAFTP_SAMPLING_GRADIENT_WINDOW_H_

#include <c10/util/Exception.h>

#include <algorithm>
#include <concepts>
#include <cstdint>

namespace draftp {

// How the denoiser's estimate D and the state x of a step take part in the gradient.
enum class GradientMode : uint8_t {
  kNone,           // nothing is recorded: x_{i+1} is a constant
  kStateOnly,      // D's noise estimate (x - D) / sigma is a constant, x_{i+1} follows x_i
  kDetachedInput,  // the noise estimate depends on the parameters but not on x; x_{i+1} follows x_i
  kFull,           // everything is recorded
};

// A step's place in the gradient, and whether the run ends here with the one-step estimate D(x_i).
struct StepAction {
  GradientMode gradient = GradientMode::kNone;
  bool predict_and_stop = false;

  static const StepAction kNoGradient;      // {kNone, false}
  static const StepAction kStateOnly;       // {kStateOnly, false}
  static const StepAction kDetachedInput;   // {kDetachedInput, false}
  static const StepAction kGradient;        // {kFull, false}
  static const StepAction kPredictAndStop;  // {kFull, true}

  // The same gradient, and the run stops.
  constexpr StepAction AndStop() const { return {gradient, true}; }
  friend constexpr bool operator==(const StepAction&, const StepAction&) = default;
};

inline constexpr StepAction StepAction::kNoGradient{GradientMode::kNone, false};
inline constexpr StepAction StepAction::kStateOnly{GradientMode::kStateOnly, false};
inline constexpr StepAction StepAction::kDetachedInput{GradientMode::kDetachedInput, false};
inline constexpr StepAction StepAction::kGradient{GradientMode::kFull, false};
inline constexpr StepAction StepAction::kPredictAndStop{GradientMode::kFull, true};

// window(i, n) says what step i of n does. Asked once a step, in order, it gives the same answer
// whenever it is asked again: a window that draws at random holds its draw and is made anew for
// each training step.
template <class W>
concept GradientWindow = requires(const W& window, int index, int total) {
  { window(index, total) } -> std::same_as<StepAction>;
};

// Sampling: the empty window.
struct InferenceOnly {
  constexpr StepAction operator()(int /*index*/, int /*total*/) const {
    return StepAction::kNoGradient;
  }
};

// The last K of the n steps with gradient, all of them if K >= n (DRaFT-K, arXiv 2309.17400,
// section 4).
class LastK {
 public:
  explicit LastK(int k) : k_(k) { TORCH_CHECK(k >= 0, "LastK needs k >= 0, got ", k); }
  StepAction operator()(int index, int total) const {
    return index >= total - std::min(k_, total) ? StepAction::kGradient : StepAction::kNoGradient;
  }

 private:
  int k_;
};

static_assert(GradientWindow<InferenceOnly>, "InferenceOnly does not satisfy GradientWindow");
static_assert(GradientWindow<LastK>, "LastK does not satisfy GradientWindow");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_GRADIENT_WINDOW_H_
