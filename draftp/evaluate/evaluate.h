// The evaluation: pictures of all that is compared, their scores, and the reward-diversity curve.
#ifndef DRAFTP_EVALUATE_EVALUATE_H_
#define DRAFTP_EVALUATE_EVALUATE_H_

#include <absl/status/status.h>

#include "draftp/evaluate/evaluate_config.h"
#include "draftp/run/notices.h"
#include "draftp/shard/world.h"

namespace draftp {

// Draws what `config` asks for (docs/evaluate.md), scores it, and writes below config.output_dir
//   pictures/           annealing runs, as RunAnneal leaves them
//   scores/             rewards and embeddings of each point's pictures (point_pictures.h)
//   evaluation.json     every point's numbers, settings and hashes that repeat it
//   evaluation.csv      a row a point
//   report.html         the curve, with the pictures behind every point
//   run.json            `config` repeats the run (--config run.json)
// Every file appears whole or not at all; an evaluation that was cut short goes on where it was.
// The error is one line that names flag or file.
//
// The ranks of `world` share out pictures to draw and points to score; all see one file system.
absl::Status RunEvaluate(const EvaluateConfig& config, Notices& log, World& world);
// One process alone.
absl::Status RunEvaluate(const EvaluateConfig& config, Notices& log);

}  // namespace draftp

#endif  // DRAFTP_EVALUATE_EVALUATE_H_
