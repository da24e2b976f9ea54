#include "draftp/anneal/anneal_model.h"

#include <utility>

#include "draftp/anneal/blend.h"
#include "draftp/model/stack_projections.h"
#include "draftp/run/exit_code.h"
#include "draftp/run/process_memory.h"
#include "draftp/sdxl/pack_model.h"
#include "draftp/sdxl/sampling_setup.h"

namespace draftp {

absl::StatusOr<AnnealModel> AnnealModel::Load(const AnnealConfig& config, const AnnealPlan& plan,
                                              const ComputeDevice& device) {
  const int64_t available = AvailableBytes(device);
  auto sdxl = SdxlModel::Load({.model = config.model,
                               .parts = config.parts,
                               .adapters = AdaptersOf(config),
                               .adapter_use = AdapterUseOf(config),
                               .tuned = config.tuned},
                              device);
  if (!sdxl.ok()) return AsFailure(sdxl.status());
  auto schedule = MakeNoiseSchedule(config.sampling, sdxl->scheduler);
  if (!schedule.ok()) return schedule.status();
  const auto size =
      ChooseSize(config.sampling, sdxl->default_size, sdxl->vae.config.Downsampling());
  if (!size.ok()) return size.status();
  const AnnealMemory memory = EstimateMemory({config, plan, device, *sdxl, *schedule, *size});
  const MemoryMode mode =
      device.is_cuda() ? ChooseMemoryMode(config.memory, memory, available) : MemoryMode::kFast;
  if (PacksWeights(device.network)) PackForInference(*sdxl);
  // Blocks that come one by one stay as they are loaded.
  if (StacksProjections(device.network) && mode != MemoryMode::kSmall) StackForInference(*sdxl);
  Offload(mode, *sdxl);
  return AnnealModel{*std::move(sdxl), *std::move(schedule), *size, memory, available, mode};
}

}  // namespace draftp
