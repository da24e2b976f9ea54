#include "draftp/anneal/anneal_prepare.h"

#include <string>
#include <utility>

#include "draftp/anneal/anneal_bundle.h"
#include "draftp/anneal/lora_argument.h"
#include "draftp/run/embedded.h"
#include "draftp/run/newest_checkpoint.h"
#include "draftp/sdxl/model_argument.h"
#include "draftp/shard/rank_device.h"

namespace draftp {
namespace {

// The config with the embedded bundle and a training run's checkpoint in their places.
absl::StatusOr<AnnealConfig> Complete(AnnealConfig given) {
  const auto embedded = EmbeddedModelDir();
  if (given.model.empty() && !embedded.ok()) return embedded.status();
  const std::string dir = embedded.ok() ? *embedded : "";
  AnnealTable().TransformPaths(given,
                               [&](const std::string& path) { return ExpandEmbedded(path, dir); });
  auto config = ResolveBundle(given, dir);
  if (!config.ok() || config->explicit_log_dir.empty() || !config->lora.empty() ||
      !config->tuned.empty())
    return config;
  const auto checkpoint = NewestCheckpoint(config->explicit_log_dir);
  if (!checkpoint.ok()) return checkpoint.status();
  if (!checkpoint->lora.empty()) config->lora = {checkpoint->lora};
  config->tuned = checkpoint->tuned;
  return config;
}

// What a path can't be the model or the adapter for is told before anything is read.
absl::Status CheckModels(const AnnealConfig& config) {
  if (absl::Status model = CheckModelArgument(config.model); !model.ok()) return model;
  for (const LoraArgument& lora : ParseLoraArguments(config.lora)) {
    if (absl::Status status = CheckNoHubName("--lora", lora.path); !status.ok()) return status;
  }
  return CheckNoHubName("--tuned", config.tuned);
}

}  // namespace

absl::StatusOr<PreparedAnneal> PrepareAnneal(const AnnealConfig& given, const RankInfo& info) {
  auto config = Complete(given);
  if (!config.ok()) return config.status();
  if (absl::Status models = CheckModels(*config); !models.ok()) return models;
  auto plan = MakeAnnealPlan(*config, info.rank, info.size);
  if (!plan.ok()) return plan.status();
  const auto name = RankDevice(config->device, info);
  if (!name.ok()) return name.status();
  auto device = ChooseDevice(*name, config->dtype);
  if (!device.ok()) return device.status();
  if (absl::Status chosen = ChooseDecoderProducts(config->decoder, *device); !chosen.ok())
    return chosen;
  return PreparedAnneal{*std::move(config), *std::move(plan), *std::move(device)};
}

}  // namespace draftp
