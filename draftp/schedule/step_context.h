// One transition of a sampling run, as schedules and samplers see it.
#ifndef DRAFTP_SCHEDULE_STEP_CONTEXT_H_
#define DRAFTP_SCHEDULE_STEP_CONTEXT_H_

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

namespace draftp {

class DdpmTable;

// Step `index` of `total` goes from noise level `sigma` to `sigma_next`. Whatever is evaluated
// inside a step (Heun's correction, a midpoint) sees the step's own context.
struct StepContext {
  int index;          // in [0, total)
  int total;          // N, at least 1
  double sigma;       // > 0
  double sigma_next;  // >= 0, below sigma; 0 in the last step
  // What the network was trained on, for coordinates that name its time. It outlives the step; null
  // means DdpmTable::Standard().
  const DdpmTable* table = nullptr;
};

// The context of step `index` of a run over the N + 1 noise levels `sigmas`.
//   StepAt({14.6, 2.0, 0.0}, 1) -> {.index = 1, .total = 2, .sigma = 2.0, .sigma_next = 0.0}
// Throws std::out_of_range unless 0 <= index < N.
inline StepContext StepAt(std::span<const double> sigmas, int index) {
  if (index < 0 || static_cast<std::size_t>(index) + 1 >= sigmas.size()) {
    throw std::out_of_range("step " + std::to_string(index) + " of a run over " +
                            std::to_string(sigmas.size()) + " noise levels");
  }
  return {index, static_cast<int>(sigmas.size()) - 1, sigmas[index], sigmas[index + 1]};
}

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_STEP_CONTEXT_H_
