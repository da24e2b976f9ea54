// What a training run carries from step to step, and its text in a checkpoint.
#ifndef DRAFTP_TRAIN_TRAINER_STATE_H_
#define DRAFTP_TRAIN_TRAINER_STATE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "draftp/run/run_identity.h"

namespace draftp {

// Something that isn't as it was when the run began, from a step on (--resume_changed).
struct RunChange {
  int64_t step = 0;  // optimiser steps behind it
  std::string what;  // "--lr was 0.001, is 0.002"

  friend bool operator==(const RunChange&, const RunChange&) = default;
};

// Besides parameters and optimiser. Noise, captions and random objectives are functions of seed and
// step, so no generator has a state.
struct TrainerState {
  int64_t step = 0;  // optimiser steps behind it, and the index of the next
  int64_t consumed_samples = 0;
  double kl_coefficient = 0;          // for the next step
  int64_t skipped_steps = 0;          // non-finite ones, in all
  int64_t skipped_in_a_row = 0;       // and just now
  std::optional<double> best_reward;  // of the validations so far
  int64_t best_step = 0;
  std::optional<double> best_held_out;  // likewise of the held-out reward of that name
  int64_t best_held_out_step = 0;
  std::string held_out = {};
  std::string validation = {};                 // SHA-256 of what validations draw
  std::map<std::string, double> seconds = {};  // by phase, over all processes of the run
  std::vector<RunChange> changes = {};

  friend bool operator==(const TrainerState&, const TrainerState&) = default;
};

// A checkpoint's trainer.json.
struct CheckpointRecord {
  TrainerState state;
  int64_t optimizer_steps = 0;
  bool full = false;                        // full fine-tuning, not a LoRA
  std::optional<RunIdentity> identity;      // absent: written by 0.1.0's first builds
  nlohmann::ordered_json config = nullptr;  // as run.json has it
};

// At most so many steps, samples and optimiser steps: far from where sums would wrap.
inline constexpr int64_t kMostSteps = 1'000'000'000'000;

std::string ToJsonText(const CheckpointRecord& record);

// DataLoss, which begins with `source`, for what isn't such a text, a value of another type or out
// of range. Never throws.
absl::StatusOr<CheckpointRecord> ParseTrainerJson(const std::string& source, std::string_view text);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAINER_STATE_H_
