#include "draftp/anneal/anneal_model.h"

#include <c10/util/Exception.h>

#include <utility>

#include "draftp/anneal/blend.h"
#include "draftp/model/half_decoder.h"
#include "draftp/model/stack_projections.h"
#include "draftp/run/exit_code.h"
#include "draftp/run/process_memory.h"
#include "draftp/sdxl/pack_model.h"
#include "draftp/sdxl/sampling_setup.h"

namespace draftp {

namespace {

absl::StatusOr<AnnealModel> LoadAll(const AnnealConfig& config, const AnnealPlan& plan,
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
  if (device.decoder_products == DecoderProducts::kFloat16) PackInHalf(sdxl->vae);
  const MemoryChoice memory = MemoryChoice::Of(
      config.memory, EstimateMemory({config, plan, device, *sdxl, *schedule, *size}), available);
  if (PacksWeights(device.network)) PackForInference(*sdxl);
  // Blocks that come one by one stay as they are loaded.
  if (StacksProjections(device.network) && memory.mode != MemoryMode::kSmall)
    StackForInference(*sdxl);
  Offload(memory.mode, *sdxl);
  return AnnealModel{*std::move(sdxl), *std::move(schedule), *size, memory};
}

}  // namespace

absl::StatusOr<AnnealModel> AnnealModel::Load(const AnnealConfig& config, const AnnealPlan& plan,
                                              const ComputeDevice& device) {
  try {
    return LoadAll(config, plan, device);
  } catch (const c10::OutOfMemoryError& error) {
    return OutOfGpuMemory(error,
                          "all weights are loaded there first, of the UNets, the text encoders and "
                          "the decoder");
  }
}

}  // namespace draftp
