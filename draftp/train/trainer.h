// The training run: captions to a fine-tuned model, with validations, checkpoints and logs.
#ifndef DRAFTP_TRAIN_TRAINER_H_
#define DRAFTP_TRAIN_TRAINER_H_

#include <absl/status/status.h>

#include <ostream>

#include "draftp/run/notices.h"
#include "draftp/shard/world.h"
#include "draftp/train/stop_request.h"
#include "draftp/train/train_config.h"

namespace draftp {

// Trains as `config` (of LoadTrainConfig) says and writes below config.output_dir
// (docs/training.md):
//   pytorch_lora_weights.safetensors, or unet/   what was trained; ema/ with its moving average
//   log.jsonl, validation.jsonl, tensorboard/    a line a step, a line a validation, both as events
//   validation/step_NNNNNNNN.png                 pictures of both models with their rewards
//   checkpoints/step_NNNNNNNN/                   where the run goes on from
//   report.html, run.json                        curves and pictures; `config` repeats the run
// Bit for bit, a run that was interrupted and resumed writes what one that wasn't would have. Asked
// by `stop`, it saves a checkpoint after the step in flight and returns. Progress and warnings go
// to `log`, a line redrawn in place on a `terminal`. The error is one line that names flag or file.
//
// On several ranks each calls it with its `world`, the same but for the log, and computes its part
// of every global batch; rank 0 writes all that is written, into a folder that all see.
absl::Status RunTraining(const TrainConfig& config, StopRequest& stop, Notices& log, World& world);
// Alone.
absl::Status RunTraining(const TrainConfig& config, StopRequest& stop, Notices& log);
absl::Status RunTraining(const TrainConfig& config, StopRequest& stop, std::ostream& log,
                         bool terminal);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAINER_H_
