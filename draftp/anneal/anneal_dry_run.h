// What an annealing run would draw, hold and write, told before it does any of it: --dry_run.
#ifndef DRAFTP_ANNEAL_ANNEAL_DRY_RUN_H_
#define DRAFTP_ANNEAL_ANNEAL_DRY_RUN_H_

#include <absl/status/status.h>

#include <ostream>

#include "draftp/anneal/anneal_config.h"
#include "draftp/anneal/anneal_plan.h"
#include "draftp/run/compute_device.h"
#include "draftp/shard/world.h"

namespace draftp {

// Writes images, memory by kind, disk and, with --dry_run=probe, seconds and the peak of memory of
// one batch to `log`. Loads the model of `config`, a resolved bundle, and touches no file. `pair`:
// see DrawSettings; both ranks call it, and the second's numbers are not for the user.
absl::Status DryRunAnneal(const AnnealConfig& config, const AnnealPlan& plan,
                          const ComputeDevice& device, World* pair, std::ostream& log);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_DRY_RUN_H_
