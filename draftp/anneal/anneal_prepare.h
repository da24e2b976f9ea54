// What an annealing run knows before a model is loaded.
#ifndef DRAFTP_ANNEAL_ANNEAL_PREPARE_H_
#define DRAFTP_ANNEAL_ANNEAL_PREPARE_H_

#include <absl/status/statusor.h>

#include "draftp/anneal/anneal_config.h"
#include "draftp/anneal/anneal_plan.h"
#include "draftp/run/compute_device.h"
#include "draftp/shard/rank_info.h"

namespace draftp {

struct PreparedAnneal {
  AnnealConfig config;  // with the embedded bundle and a training run's checkpoint in their places
  AnnealPlan plan;      // this rank's
  ComputeDevice device;
};

// Of the rank that `info` tells. Errors name a flag: a path that can't be a model or an adapter, an
// impossible plan, no such device.
absl::StatusOr<PreparedAnneal> PrepareAnneal(const AnnealConfig& given, const RankInfo& info);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_PREPARE_H_
