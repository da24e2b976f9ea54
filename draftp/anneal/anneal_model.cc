#include "draftp/anneal/anneal_model.h"

#include <utility>

#include "draftp/anneal/blend.h"
#include "draftp/model/stack_projections.h"
#include "draftp/run/exit_code.h"
#include "draftp/sdxl/pack_model.h"
#include "draftp/sdxl/sampling_setup.h"

namespace draftp {

absl::StatusOr<AnnealModel> AnnealModel::Load(const AnnealConfig& config,
                                              const ComputeDevice& device) {
  auto sdxl = SdxlModel::Load({.model = config.model,
                               .parts = config.parts,
                               .adapters = AdaptersOf(config),
                               .adapter_use = AdapterUseOf(config),
                               .tuned = config.tuned},
                              device);
  if (!sdxl.ok()) return AsFailure(sdxl.status());
  if (PacksWeights(device.network)) PackForInference(*sdxl);
  if (StacksProjections(device.network)) StackForInference(*sdxl);
  auto schedule = MakeNoiseSchedule(config.sampling, sdxl->scheduler);
  if (!schedule.ok()) return schedule.status();
  const auto size =
      ChooseSize(config.sampling, sdxl->default_size, sdxl->vae.config.Downsampling());
  if (!size.ok()) return size.status();
  return AnnealModel{*std::move(sdxl), *std::move(schedule), *size};
}

}  // namespace draftp
