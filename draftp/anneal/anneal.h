// The annealing run: prompts to pictures under each weight type, an overview of them, and a record
// of the run.
#ifndef DRAFTP_ANNEAL_ANNEAL_H_
#define DRAFTP_ANNEAL_ANNEAL_H_

#include <absl/status/status.h>

#include <ostream>

#include "draftp/anneal/anneal_config.h"
#include "draftp/run/notices.h"
#include "draftp/shard/world.h"

namespace draftp {

// Draws what `config` asks for (see docs/configuration.md) and writes below config.output_dir
//   annealed_outputs_sdxl_{weight_type}/img_{idx:05d}_{rank:02d}.png, and prompt_..., .txt
//   overview.png   rows prompts, columns weight types, the same noise along a row
//   run.json       `config` repeats the run (--config run.json), `result` says what came out
// Every file appears whole or not at all. Progress and warnings go to `log`, a bar redrawn in place
// on a `terminal`. The error is one line that names flag or file; what was drawn before it stays.
//
// The ranks of `world` share the images out: g is drawn by rank g mod size. With per_image noise
// they are the same pictures whatever the size (byte for byte with --batch_size 1), and what
// a run of another size has drawn counts as drawn. All ranks see one file system; rank 0 makes the
// folder, overview, record and result line. With --share model_pair two ranks draw every image
// together, to the pictures and names of one process, and rank 0 alone writes. An error that all
// ranks agree on has its message on one of them; where a rank returns another, the caller tells the
// others (RunInWorld).
absl::Status RunAnneal(const AnnealConfig& config, Notices& log, World& world);
// One process alone.
absl::Status RunAnneal(const AnnealConfig& config, Notices& log);
absl::Status RunAnneal(const AnnealConfig& config, std::ostream& log, bool terminal);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_H_
